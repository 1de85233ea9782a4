"""A cached value that is expensive to make: made once, in a thread, and shared by all waiters.

Promises: all that need the value at the same time wait for the same call, and each can stop waiting
without affecting the others. A failure is not cached. Neither a Ctrl-C nor a fork during the call
leaves a waiter waiting for a call that will never return.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from .shared_call import CallResult, Deliver, SharedCall
from .threads import start_thread

T = TypeVar("T")


class CachedValue(Generic[T]):
    """A value that is made when it is first needed.

    Args:
        make: Makes the value. It is called in a thread of its own, or in the caller's if no thread
            can be started.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: list[T] = []
        # By process id, because a call of the parent never returns in a forked process.
        self._calls: dict[int, SharedCall[T]] = {}

    @property
    def value(self) -> T | None:
        """The value, or None if it has not been made yet."""
        return self._values[0] if self._values else None

    def get(self) -> T:
        """Return the value; make it in this thread if it has not been made yet."""
        if not self._values:
            self._values.append(self._make())
        return self._values[0]

    def begin(self, deliver: Deliver[T]) -> None:
        """Start making the value, unless it is being made already.

        Args:
            deliver: Is called from any thread, with a function that returns the value or raises the
                exception that making it raised.
        """
        process = os.getpid()

        def make() -> T:
            try:
                return self.get()
            finally:
                self._calls.pop(process, None)

        call = self._calls.setdefault(process, SharedCall(make))
        call.add_waiter(deliver)

        def run() -> None:
            if call.claim():
                call.run()

        if not call.is_claimed and not start_thread(run):
            deliver(CallResult.of(self.get))
