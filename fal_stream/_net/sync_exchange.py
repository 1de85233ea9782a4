"""The exchange of the blocking flavour: each wait is cut into slices.

Before each slice the watchdog and the abort flag are asked. An abort from another thread wakes
who waits, by what was attached; where that wakes nobody, the next slice does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from .._shared.watchdog import Watchdog
from .exchange import Aborted, BaseExchange, current
from .runtime import SLICE

T = TypeVar("T")


class Exchange(BaseExchange):
    """See `BaseExchange`; the blocking flavour."""

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__(watchdog)
        # Reentrant: a signal handler or a finalizer may abort while its own thread is in here.
        self._lock = threading.RLock()
        self._wake: Callable[[], None] | None = None
        self._process = os.getpid()

    def abort(self) -> None:
        """See `BaseExchange`."""
        with self._lock:
            self.aborted = True
            # A forked process shares the socket with its parent, which may go on with it.
            if self._wake is not None and self._process == os.getpid():
                self._wake()

    def attach(self, wake: Callable[[], None]) -> None:
        """Name what wakes the wait that is to come; called at once after an abort."""
        with self._lock:
            self._wake = wake
            if self.aborted:
                wake()

    def detach(self) -> bool:
        """Let go of the connection.

        Returns:
            Whether no abort has touched it, so that others may use it.
        """
        with self._lock:
            self._wake = None
            return not self.aborted

    def check(self) -> None:
        """Raise Aborted after an abort."""
        if self.aborted:
            raise Aborted

    def run(self, work: T, undo: Callable[[T], None]) -> T:
        """Give the result of work that a blocking program has done by now."""
        self.check()
        return work

    def wait(self, once: Callable[[float], T | None]) -> T:
        """Wait for something in slices.

        Args:
            once: Waits for at most the given seconds and gives None if it was in vain.

        Returns:
            What `once` gave.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        watchdog = self.watchdog
        while True:
            if self.aborted:
                raise Aborted
            seconds = watchdog.enter()
            try:
                result = once(seconds if seconds < SLICE else SLICE)
            finally:
                watchdog.leave()
            if result is not None:
                return result


def under_way() -> Exchange:
    """Give the exchange under way."""
    exchange = current.get()
    if not isinstance(exchange, Exchange):
        raise RuntimeError("the network is used without an exchange")
    return exchange
