"""The exchange: the timeouts and the abort flag of one operation, both flavours."""

from __future__ import annotations

from .._shared.watchdog import Watchdog
from .._signal_errors import raised_by_signal_handler
from ..abort import AbortController, AbortSignal


class Aborted(Exception):
    """The exchange was aborted."""


class BaseExchange:
    """The timeouts and the abort flag of one operation: a request with its retries, for example.

    Args:
        watchdog: Consulted before every wait.

    Attributes:
        aborted: Whether `abort` was called.
        bytes_sent: How many bytes of the request have been handed to the network.
        connect_timeout: The time for connecting to any of a host's addresses (seconds), or None
            for as long as the watchdog allows.
    """

    def __init__(self, watchdog: Watchdog) -> None:
        self.watchdog = watchdog
        self.aborted: bool = False
        self.bytes_sent: int = 0
        self.connect_timeout: float | None = None
        self._children: AbortController | None = None

    @property
    def signal(self) -> AbortSignal:
        """A signal that is aborted with this exchange, for other exchanges on its behalf."""
        if self._children is None:
            self._children = AbortController()
            # The abort may have come just before `_children` was set.
            if self.aborted:
                self._children.abort()
        return self._children.signal

    @property
    def is_loop_closed(self) -> bool:
        """Whether the event loop of the exchange is closed, so nothing can be done in it."""
        return False

    def sent(self, count: int) -> None:
        """Count bytes of the request that were handed to the network."""
        self.bytes_sent += count
        self.progress()

    def progress(self) -> None:
        """Tell the watchdog that a piece of the request was sent, or of a file received."""
        self.watchdog.on_progress()

    def abort(self) -> None:
        """End every wait of the exchange; callable from any thread at any time."""
        self.aborted = True
        if self._children is not None:
            self._children.abort()

    def raise_if_aborted(self) -> None:
        """Raise `Aborted` if the exchange was aborted."""
        if self.aborted:
            raise Aborted

    def raise_if_aborted_after(self, error: OSError) -> None:
        """Raise `Aborted` if an exception of the connection is the effect of an abort.

        An exception that a signal handler raised is not.
        """
        if raised_by_signal_handler(error) is None:
            self.raise_if_aborted()
