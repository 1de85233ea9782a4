"""Something that takes long to make, and is made once: in a thread that nobody has to wait for.

Promises: many who want it at once share one making; each waits in its own way and can give up.
What could not be made is made anew for who comes next. Neither a Ctrl-C nor a fork in the middle
of it leaves anybody waiting for a making that has ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from .shared_call import Deliver, Outcome, SharedCall
from .threads import start_thread

T = TypeVar("T")


class Once(Generic[T]):
    """Makes a thing when it is first needed.

    Args:
        make: Makes it; called in a thread of its own, or in the caller's where none can be had.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        # By process: in a forked one nobody goes on with what its parent was making.
        self._makings: dict[int, SharedCall[T]] = {}

    @property
    def made(self) -> T | None:
        """The thing, or None as long as it is not made."""
        return self._made[0] if self._made else None

    def get(self) -> T:
        """Give the thing; where it is not made yet, make it here and now."""
        if not self._made:
            self._made.append(self._make())
        return self._made[0]

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
                self._makings.pop(process, None)

        making = self._makings.setdefault(process, SharedCall(make))
        making.add_waiter(deliver)

        def run() -> None:
            if making.claim():
                making.run()

        if not making.is_claimed and not start_thread(run):
            deliver(Outcome.of(self.get))
