"""Turns at a file, which only one thread can use at a time.

Promises: to end the use of a file waits for nobody. Where a read still runs, of a disk that is
gone or for somebody who has given up, what is left to do is done after it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """Gives the threads that use a file their turns, and winds up when the use is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        finally:
            self._settle()

    def _settle(self) -> None:
        """Wind up if the use is over and nobody has the turn; whoever has it does so after it."""
        while self._is_over():
            lock = self._lock
            if not lock.acquire(blocking=False):
                return
            try:
                if self._is_over():
                    self._wind_up()
            finally:
                lock.release()

    def _is_over(self) -> bool:
        """Tell whether the use is over and hasn't been wound up yet."""
        raise NotImplementedError

    def _wind_up(self) -> None:
        """Do what is left to do."""
        raise NotImplementedError
