"""What both flavours of an exchange share: an abort flag, and the exchange that is under way.

An exchange is one request and its response as the network sees them. The HTTP library hands
nothing down to the network that could carry it, so it is set for the time of a call.
"""

from __future__ import annotations

import threading
import weakref
from contextvars import ContextVar, Token
from typing import Generic, TypeVar

from .._shared.watchdog import Watchdog


class Aborted(Exception):
    """The exchange was aborted."""


class BaseExchange:
    """One request and its response: its watchdog, and whether it was aborted.

    Args:
        watchdog: Asked before every wait.

    Attributes:
        aborted: Whether `abort` was called.
        bytes_sent: How many bytes of the request have been handed to the network.
    """

    def __init__(self, watchdog: Watchdog) -> None:
        self.watchdog = watchdog
        self.aborted = False
        self.bytes_sent = 0
        self._token: Token[BaseExchange | None] | None = None

    def __enter__(self) -> None:
        """Make it the exchange under way."""
        self._token = current.set(self)

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            current.reset(self._token)

    def abort(self) -> None:
        """Make every wait of the exchange end; callable from any thread at any time."""
        raise NotImplementedError


current: ContextVar[BaseExchange | None] = ContextVar("exchange", default=None)

ExchangeT = TypeVar("ExchangeT", bound=BaseExchange)


class LiveExchanges(Generic[ExchangeT]):
    """The exchanges of a client that may be under way, held weakly; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._exchanges: weakref.WeakSet[ExchangeT] = weakref.WeakSet()

    def add(self, exchange: ExchangeT) -> None:
        """Take one in."""
        with self._lock:
            self._exchanges.add(exchange)

    def discard(self, exchange: ExchangeT) -> None:
        """Let one go that has ended."""
        with self._lock:
            self._exchanges.discard(exchange)

    def abort_all(self) -> None:
        """Abort all."""
        with self._lock:
            exchanges = list(self._exchanges)
        for exchange in exchanges:
            exchange.abort()
