"""Something that takes long to make, and is made once: in a thread that nobody has to wait for.

Promises: many who want it at once share one making; each waits in its own way and can give up.
What could not be made is made anew for who comes next. Neither a Ctrl-C nor a fork in the middle
of it leaves anybody waiting for a making that has ended.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .runtime import Lock

T = TypeVar("T")

Deliver = Callable[[Callable[[], T]], None]


class _Making(Generic[T]):
    """A making under way, who waits for it, and what has come of it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.thread: threading.Thread | None = None
        self.waiting: list[Deliver[T]] = []
        self.outcome: Callable[[], T] | None = None


class Once(Generic[T]):
    """Makes a thing when it is first needed.

    Args:
        make: Makes it; called in a thread of its own.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        # By process: in a forked one nobody goes on with what its parent was making.
        self._makings: dict[int, _Making[T]] = {}

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
        making = self._makings.setdefault(os.getpid(), _Making())
        with making.lock:
            outcome = making.outcome
            if outcome is None:
                making.waiting.append(deliver)
                self._see_to_it(making)
                return
        deliver(outcome)

    def _see_to_it(self, making: _Making[T]) -> None:
        # One that was interrupted may have come this far only.
        if making.thread is None or not making.thread.is_alive():
            thread = threading.Thread(
                target=self._run, args=[making], daemon=True, name="fal_stream-once"
            )
            thread.start()
            making.thread = thread

    def _run(self, making: _Making[T]) -> None:
        outcome: _Outcome[T]
        try:
            outcome = _Outcome([self.get()])
        except BaseException as error:
            outcome = _Outcome([], error)
        with making.lock:
            making.outcome = outcome
            waiting, making.waiting = making.waiting, []
        self._makings.pop(os.getpid(), None)
        for deliver in waiting:
            deliver(outcome)


@dataclass(frozen=True)
class _Outcome(Generic[T]):
    """Gives what was made, or raises why it was not."""

    made: list[T]
    error: BaseException | None = None

    def __call__(self) -> T:
        if self.error is not None:
            # Several may raise it: each one of its own.
            raise copy.copy(self.error)
        return self.made[0]
