"""A cached value that is expensive to make: made once, in a thread, shared by all that wait for it.

Promises: everyone that needs the value at the same time waits for the same call, and can give up
alone. A failure is not cached. Neither a Ctrl-C nor a fork during the call leaves anyone waiting
for a call that will never return.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from .shared_call import CallResult, Deliver, SharedCall
from .threads import start_thread

T = TypeVar("T")


class CachedValue(Generic[T]):
    """Makes a thing when it is first needed.

    Args:
        make: Makes it; called in a thread of its own, or in the caller's where none can be had.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: list[T] = []
        # By process: in a forked one nobody goes on with what its parent was making.
        self._calls: dict[int, SharedCall[T]] = {}

    @property
    def value(self) -> T | None:
        """The thing, or None as long as it is not made."""
        return self._values[0] if self._values else None

    def get(self) -> T:
        """Return the thing; where it is not made yet, make it here and now."""
        if not self._values:
            self._values.append(self._make())
        return self._values[0]

    def begin(self, deliver: Deliver[T]) -> None:
        """Have the thing made, if nobody does already.

        Args:
            deliver: Is given a function, from whatever thread: it gives the thing, or raises what
                kept it from being made.
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
