"""The work queue of a stream map: which inputs are running, done, or can start; both flavours.

Promises: an input is started once, and stays in `unfinished` until its result is delivered.
Whatever the consumer does, at most `limit` inputs run at once, and running inputs and buffered
results together are at most twice as many.

How: no step waits, so threads, signal handlers and finalizers can use the queue at any time, even
in the middle of another use. An input moves from `_running` to `_done`, and then out of `_done`. It
is added to `_done` before it is removed from `_running`, so code that reads `_running` first and
then `_done` never misses it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .flavour_pairs import Lock

ItemT = TypeVar("ItemT")


class WorkQueue(Generic[ItemT]):
    """The inputs of a stream map and their results; thread-safe.

    Args:
        limit: The largest number of inputs that run at once.
        ordered: Whether results are delivered in the order of the inputs.

    Attributes:
        failure: The exception to raise after the last result, or None.
        stopped: Whether no more inputs are started.
    """

    def __init__(self, limit: int, *, ordered: bool) -> None:
        self._limit = limit
        self._ordered = ordered
        # Held by the worker that reads the next input. Workers only try to acquire it, and never
        # wait for it.
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
        """The inputs whose results were not delivered, by index."""
        return dict(sorted(self._unfinished.copy().items()))

    @property
    def is_reading(self) -> bool:
        """Whether a worker is reading the next input; only one does at a time."""
        return self._reading.locked()

    @property
    def has_room(self) -> bool:
        """Whether another input can be read."""
        return not self.is_reading and self._has_room()

    @property
    def is_ready(self) -> bool:
        """Whether the consumer need not wait: there is a result, or none will come."""
        return self.stopped or self._is_exhausted() or self._next() is not None

    @property
    def is_complete(self) -> bool:
        """Whether all inputs are done, and all results were taken."""
        return self._is_exhausted() and not self._done

    @property
    def has_begun(self) -> bool:
        """Whether an input was read."""
        return self._begun > 0

    def begin_read(self) -> bool:
        """Return whether the calling worker has to read the next input."""
        # While this worker holds the lock, others don't notice new room, so it checks again.
        while self.has_room:
            if not self._reading.acquire(blocking=False):
                continue
            if self._has_room():
                return True
            self._reading.release()
        return False

    def add(self, input: object) -> int:
        """Add the input that was read, which is now running, and return its index."""
        index = self._begun
        self._begun += 1
        self._unfinished[index] = input
        self._running[index] = None
        self._reading.release()
        return index

    def end_input(self, failure: BaseException | None = None) -> None:
        """Register that there are no more inputs, or why no more can be read."""
        self._note(failure)
        self._exhausted = True
        self._reading.release()

    def fail(self, failure: BaseException) -> None:
        """Start no more inputs, and store why; results that have come can still be taken."""
        self._note(failure)
        self.stopped = True

    def put_result(self, index: int, item: ItemT | None) -> None:
        """Store the result of an input; None if it was cancelled."""
        if item is not None:
            self._done[index] = item
        del self._running[index]

    def pop_result(self) -> ItemT | None:
        """Return the next result, or None; its input is unfinished until `mark_delivered`."""
        while (index := self._next()) is not None:
            item = self._done.pop(index, None)
            # If it is None, another consumer took the result.
            if item is not None:
                return item
        return None

    def mark_delivered(self, index: int) -> None:
        """Register that the result of an input was delivered to the consumer."""
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
