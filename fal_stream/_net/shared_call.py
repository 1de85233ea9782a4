"""A call that is made once, and whose result several callers wait for.

Promises: no step holds a lock that another step waits for, so neither a Ctrl-C nor a signal handler
that asks for the same call can leave a caller waiting forever. Elsewhere: the thread that makes the
call.
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
"""Takes a function that returns the result, or raises why there is none. May be called twice."""


@dataclass(frozen=True)
class CallResult(Generic[T]):
    """Returns what a call returned, or raises what it raised."""

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
    """Copy an error, for several may raise it, each one of its own; not all classes allow it."""
    try:
        copied = copy.copy(error)
    except Exception:
        return error
    return copied


class SharedCall(Generic[T]):
    """A call and those who wait for it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._claimed = threading.Lock()
        self._waiting: deque[Deliver[T]] = deque()
        self._outcome: CallResult[T] | None = None

    def add_waiter(self, deliver: Deliver[T]) -> None:
        """Have the outcome delivered, from whatever thread; at once where there is one."""
        self._waiting.append(deliver)
        # It may have come before the waiter stood in the queue, or just now: then it comes twice.
        if self._outcome is not None:
            deliver(self._outcome)

    def remove_waiter(self, deliver: Deliver[T]) -> None:
        """Let go of one who does not wait any more."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(deliver)

    @property
    def has_waiters(self) -> bool:
        """Whether somebody waits for the outcome."""
        return bool(self._waiting)

    @property
    def is_claimed(self) -> bool:
        """Whether a thread has begun with the call."""
        return self._claimed.locked()

    def claim(self) -> bool:
        """Return whether the calling thread, and no other, is to run the call."""
        return self._claimed.acquire(blocking=False)

    def run(self) -> None:
        """Make the call and deliver its outcome."""
        self._outcome = outcome = CallResult.of(self._function)
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.popleft()(outcome)
