"""A lock for a file that one thread at a time can use, which cleans up after the last use.

Promises: closing a file never waits. If another thread is still reading it, from a disk that hangs
for example, the cleanup is done when that read has ended.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class FileLock:
    """Lets one thread at a time use a file, and cleans up when the use is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        finally:
            self._clean_up_if_over()

    def _clean_up_if_over(self) -> None:
        """Clean up if the use is over; if a thread holds the lock, that thread will clean up."""
        while self._is_over():
            lock = self._lock
            if not lock.acquire(blocking=False):
                return
            try:
                if self._is_over():
                    self._clean_up()
            finally:
                lock.release()

    def _is_over(self) -> bool:
        """Return whether the use is over and nothing has been cleaned up yet."""
        raise NotImplementedError

    def _clean_up(self) -> None:
        """Close the file, or do what else has to be done at the end."""
        raise NotImplementedError
