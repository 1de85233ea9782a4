"""The exchange: the timeouts and the abort flag of one request and its response, both flavours."""

from __future__ import annotations

from .._shared.watchdog import Watchdog
from .._signal_errors import raised_by_signal_handler
from ..abort import AbortController, AbortSignal


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
        self._children: AbortController | None = None

    @property
    def signal(self) -> AbortSignal:
        """Aborted with the exchange: for what is done on its behalf by exchanges of its own."""
        if self._children is None:
            self._children = AbortController()
            # The abort may have come before the callback was registered.
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

    def check(self) -> None:
        """Raise Aborted after an abort."""
        if self.aborted:
            raise Aborted

    def check_after(self, error: OSError) -> None:
        """Raise Aborted if an abort is why a connection broke, and no signal handler's exception.

        Args:
            error: What the connection raised.
        """
        if raised_by_signal_handler(error) is None:
            self.check()
