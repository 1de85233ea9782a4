"""The work queue of a stream map: which inputs run, are done, or may start; both flavours.

Promises: an input is started once, and stays in `unfinished` until its result is delivered.
Whatever the consumer does, at most `limit` inputs run; those that run and the results that wait to
be taken are together at most twice as many.

How: no step waits, so threads, signal handlers and finalizers can use the queue at any time, even
in the middle of another use. An input moves from `running` to `done`, and then out of `done`. It is
added to the next place before it is removed from the last one, so whoever looks at both in this
order never misses it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .compat import Lock

ItemT = TypeVar("ItemT")


class WorkQueue(Generic[ItemT]):
    """The inputs between a consumer and the workers that do them; thread-safe.

    Args:
        limit: How many run at once at most.
        ordered: Whether results are taken in the order of the inputs.

    Attributes:
        failure: What ends the queue before its time, raised when all that came is taken.
        stopped: Whether nothing is begun any more.
    """

    def __init__(self, limit: int, *, ordered: bool) -> None:
        self._limit = limit
        self._ordered = ordered
        # Held by the worker that reads the next input; workers only try to acquire it, and never
        # wait.
        self._reading = Lock()
        self._unfinished: dict[int, Any] = {}
        self._running: dict[int, None] = {}
        self._done: dict[int, ItemT] = {}
        self._begun = 0
        self._exhausted = False
        self.failure: BaseException | None = None
        self.stopped: bool = False

    @property
    def unfinished(self) -> dict[int, Any]:
        """The inputs whose results the consumer has not got, by their index."""
        return dict(sorted(self._unfinished.copy().items()))

    @property
    def is_reading(self) -> bool:
        """Whether a worker waits for the next input; one at a time does."""
        return self._reading.locked()

    @property
    def has_room(self) -> bool:
        """Whether another input may be begun."""
        return not self.is_reading and self._has_room()

    @property
    def is_ready(self) -> bool:
        """Whether the consumer needn't wait: something can be taken, or nothing will come."""
        return self.stopped or self._is_exhausted() or self._next() is not None

    @property
    def is_complete(self) -> bool:
        """Whether all is done and taken."""
        return self._is_exhausted() and not self._done

    @property
    def has_begun(self) -> bool:
        """Whether an input was read."""
        return self._begun > 0

    def begin_read(self) -> bool:
        """Have the calling worker read the next input, if there is room for it."""
        # Other threads leave new room to this one while it checks, so it checks again.
        while self.has_room:
            if not self._reading.acquire(blocking=False):
                continue
            if self._has_room():
                return True
            self._reading.release()
        return False

    def add(self, input: object) -> int:
        """Take in the input that was read; its worker runs from now on.

        Returns:
            Its index.
        """
        index = self._begun
        self._begun += 1
        self._unfinished[index] = input
        self._running[index] = None
        self._reading.release()
        return index

    def end_input(self, failure: BaseException | None = None) -> None:
        """Note that no input is left, or why none can be read."""
        self._note(failure)
        self._exhausted = True
        self._reading.release()

    def fail(self, failure: BaseException) -> None:
        """Begin nothing more, and note why; what had come can still be taken."""
        self._note(failure)
        self.stopped = True

    def put_result(self, index: int, item: ItemT | None) -> None:
        """Note that an input is done, None where it was given up."""
        if item is not None:
            self._done[index] = item
        del self._running[index]

    def pop_result(self) -> ItemT | None:
        """Return the next result, None where there is none; its input is still unfinished."""
        while (index := self._next()) is not None:
            item = self._done.pop(index, None)
            # Otherwise another consumer took it.
            if item is not None:
                return item
        return None

    def mark_delivered(self, index: int) -> None:
        """Note that the consumer has the result of an input."""
        self._unfinished.pop(index, None)

    def _note(self, failure: BaseException | None) -> None:
        if self.failure is None:
            self.failure = failure

    def _has_room(self) -> bool:
        if self._exhausted or self.stopped:
            return False
        running = len(self._running)
        return running < self._limit and running + len(self._done) < 2 * self._limit

    def _next(self) -> int | None:
        running, done = list(self._running), list(self._done)
        if not done:
            return None
        if not self._ordered:
            return done[0]
        first = min(done)
        is_next = self.stopped or first <= min(running, default=first)
        return first if is_next else None

    def _is_exhausted(self) -> bool:
        return self._exhausted and not self.is_reading and not self._running
