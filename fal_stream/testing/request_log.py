"""The requests that a server has received, for tests to assert on and to wait for.

Promises: safe to use from any thread.
"""

from __future__ import annotations

import threading

from fal_stream.errors import counted
from fal_stream.testing.request import RecordedRequest

__all__ = ["RequestLog"]


class RequestLog:
    """The requests of a server, in the order in which they came."""

    def __init__(self) -> None:
        self._requests: list[RecordedRequest] = []
        # Acquired by `with self._lock`, not by `with` on the condition, which takes several steps:
        # a Ctrl-C between them would leave the lock locked.
        self._lock = threading.RLock()
        self._request_came = threading.Condition(self._lock)

    def add(self, request: RecordedRequest) -> None:
        """Add a request."""
        with self._lock:
            self._requests.append(request)
            self._request_came.notify_all()

    def requests(self) -> list[RecordedRequest]:
        """Return the requests so far."""
        with self._lock:
            return list(self._requests)

    def wait(self, count: int, timeout: float) -> list[RecordedRequest]:
        """Wait until there are `count` requests, and return the requests so far.

        Args:
            count: The number of requests.
            timeout: The longest time to wait (seconds).

        Raises:
            TimeoutError: The requests did not arrive in time.
        """
        with self._lock:
            if self._request_came.wait_for(lambda: len(self._requests) >= count, timeout):
                return list(self._requests)
            came = len(self._requests)
        raise TimeoutError(f"{came} of {counted(count, 'request')} came within {timeout} seconds")
