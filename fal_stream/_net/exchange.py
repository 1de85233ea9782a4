"""What both flavours of an exchange share: an abort flag, and the exchange that is under way.

An exchange is one request and its response as the network sees them. The HTTP library hands
nothing down to the network that could carry it, so it is set for the time of a call.
"""

from __future__ import annotations

import threading
import weakref
from contextvars import ContextVar, Token
from typing import Any, Generic, TypeVar

from .._shared.watchdog import Watchdog
from ..abort import AbortController, AbortSignal
from . import sockets


class Aborted(Exception):
    """The exchange was aborted."""


class BaseExchange:
    """One request and its response: its watchdog, and whether it was aborted.

    Args:
        watchdog: Asked before every wait.

    Attributes:
        aborted: Whether `abort` was called.
        bytes_sent: How many bytes of the request have been handed to the network.
        connect_patience: How many seconds the addresses of a host may take together to be
            connected to, or None for as long as the watchdog allows.
    """

    def __init__(self, watchdog: Watchdog) -> None:
        self.watchdog = watchdog
        self.aborted: bool = False
        self.bytes_sent: int = 0
        self.connect_patience: float | None = None
        self._token: Token[BaseExchange | None] | None = None
        self._children: AbortController | None = None

    def __enter__(self) -> None:
        """Make it the exchange under way."""
        self._token = current.set(self)

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            current.reset(self._token)

    @property
    def signal(self) -> AbortSignal:
        """Aborted with the exchange: for what is done on its behalf by exchanges of its own."""
        if self._children is None:
            self._children = AbortController()
            # The abort may have come before there was anybody to tell.
            if self.aborted:
                self._children.abort()
        return self._children.signal

    @property
    def is_orphaned(self) -> bool:
        """Whether nothing can go on in it any more, since its event loop was closed."""
        return False

    def sent(self, count: int) -> None:
        """Note that bytes of the request were handed to the network."""
        self.bytes_sent += count
        self.progress()

    def progress(self) -> None:
        """Note that a piece of the request went out, or of a file came in."""
        self.watchdog.progress()

    def abort(self) -> None:
        """Make every wait of the exchange end; callable from any thread at any time."""
        self.aborted = True
        if self._children is not None:
            self._children.abort()


current: ContextVar[BaseExchange | None] = ContextVar("exchange", default=None)

ExchangeT = TypeVar("ExchangeT", bound=BaseExchange)


def is_connect(buffer: bytes) -> bool:
    """Tell whether what goes out is for a proxy of the network only, and none of the request."""
    return buffer.startswith(b"CONNECT ")


def shut_down(stream: Any) -> None:
    """Shut the socket of a connection down that isn't ours, so that whoever reads it wakes up.

    Args:
        stream: The connection as the HTTP library has it, or None where there is none.
    """
    sock = stream.get_extra_info("socket") if stream is not None else None
    if sock is not None:
        sockets.shut_down(sock)


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
