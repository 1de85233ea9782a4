"""A call that is made once, and whose result several callers wait for.

Promises: no step holds a lock that another step waits for, so neither a Ctrl-C nor a signal handler
that needs the same call can leave a caller waiting forever. The caller starts the thread that makes
the call.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Deliver = Callable[[Callable[[], T]], None]
"""A callback for a function that returns the result or raises the call's exception.

It may be called twice.
"""


@dataclass(frozen=True)
class CallResult(Generic[T]):
    """The outcome of a call: calling it returns what the call returned, or raises its exception."""

    results: list[T]
    error: BaseException | None = None

    @classmethod
    def of(cls, function: Callable[[], T]) -> CallResult[T]:
        """Call a function and return its outcome."""
        try:
            return cls([function()])
        except BaseException as error:
            return cls([], error)

    def __call__(self) -> T:
        if self.error is not None:
            raise _copy(self.error)
        return self.results[0]


def _copy(error: BaseException) -> BaseException:
    """Return a copy of an exception for each caller that raises it, or itself if it has no copy."""
    try:
        copied = copy.copy(error)
    except Exception:
        return error
    return copied


class SharedCall(Generic[T]):
    """A call, and the callbacks of the callers that wait for it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._claimed = threading.Lock()
        self._waiting: deque[Deliver[T]] = deque()
        self._outcome: CallResult[T] | None = None

    def add_waiter(self, deliver: Deliver[T]) -> None:
        """Add a callback for the outcome, which is called from any thread, perhaps at once."""
        self._waiting.append(deliver)
        # The outcome may have come before the callback was in the queue. If it comes just now, the
        # callback is called twice.
        if self._outcome is not None:
            deliver(self._outcome)

    def remove_waiter(self, deliver: Deliver[T]) -> None:
        """Remove a callback."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(deliver)

    @property
    def has_waiters(self) -> bool:
        """Whether a caller waits for the outcome."""
        return bool(self._waiting)

    @property
    def is_claimed(self) -> bool:
        """Whether a thread has claimed the call."""
        return self._claimed.locked()

    def claim(self) -> bool:
        """Return whether the calling thread has to run the call; True for one thread only."""
        return self._claimed.acquire(blocking=False)

    def run(self) -> None:
        """Make the call and deliver its outcome."""
        self._outcome = outcome = CallResult.of(self._function)
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.popleft()(outcome)
