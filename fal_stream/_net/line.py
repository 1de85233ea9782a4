"""Inputs that are begun, done and taken, so many at once at most; the same for both flavours.

Promises: an input is begun once, and stays in `open` until its result is settled. Whatever the
consumer does, no more than `limit` run, and no more than as many again wait to be taken.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .runtime import Lock

ItemT = TypeVar("ItemT")


class Line(Generic[ItemT]):
    """The inputs between a consumer and the workers that do them; thread-safe.

    Args:
        limit: How many run at once at most.
        ordered: Whether results are taken in the order of the inputs.

    Attributes:
        failure: What ends the line before its time, raised when all that came is taken.
        stopped: Whether nothing is begun any more.
        reading: How many workers wait for the next input: one or none.
    """

    def __init__(self, limit: int, *, ordered: bool) -> None:
        self._limit = limit
        self._ordered = ordered
        self._lock = Lock()
        self._open: dict[int, Any] = {}
        self._done: dict[int, ItemT] = {}
        self._begun = 0
        self._given = 0
        self._running = 0
        self._exhausted = False
        self.failure: BaseException | None = None
        self.stopped: bool = False
        self.reading: int = 0

    @property
    def open(self) -> dict[int, Any]:
        """The inputs whose results the consumer has not got, by their index."""
        with self._lock:
            return dict(sorted(self._open.items()))

    @property
    def has_room(self) -> bool:
        """Whether another input may be begun."""
        return (
            not (self._exhausted or self.stopped or self.reading)
            and self._running < self._limit
            and self._running + len(self._done) < 2 * self._limit
        )

    @property
    def is_due(self) -> bool:
        """Whether the consumer needn't wait: something can be taken, or nothing will come."""
        with self._lock:
            return self.stopped or self._next() is not None or self._is_over()

    @property
    def is_over(self) -> bool:
        """Whether all is done and taken."""
        with self._lock:
            return self._is_over() and not self._done

    @property
    def is_begun(self) -> bool:
        """Whether an input was read."""
        return self._begun > 0

    def begin(self) -> bool:
        """Have the calling worker read the next input, if there is room for it."""
        with self._lock:
            if not self.has_room:
                return False
            self.reading = 1
            return True

    def read(self, input: object) -> int:
        """Take in the input that was read; its worker runs from now on.

        Returns:
            Its index.
        """
        with self._lock:
            self.reading = 0
            index = self._begun
            self._begun += 1
            self._running += 1
            self._open[index] = input
            return index

    def exhaust(self, failure: BaseException | None = None) -> None:
        """Note that no input is left, or why none can be read."""
        with self._lock:
            self.reading = 0
            self._exhausted = True
            self.failure = self.failure or failure

    def fail(self, failure: BaseException) -> None:
        """Begin nothing more, and note why; what had come can still be taken."""
        with self._lock:
            self.stopped = True
            self.failure = self.failure or failure

    def put(self, index: int, item: ItemT | None) -> None:
        """Note that an input is done, None where it was given up."""
        with self._lock:
            self._running -= 1
            if item is not None:
                self._done[index] = item

    def take(self) -> ItemT | None:
        """Give the next result, None where there is none; its input is not settled yet."""
        with self._lock:
            index = self._next()
            if index is None:
                return None
            self._given += 1
            return self._done.pop(index)

    def settle(self, index: int) -> None:
        """Note that the consumer has got the result of an input."""
        with self._lock:
            del self._open[index]

    def _next(self) -> int | None:
        if self._ordered and not self.stopped:
            return self._given if self._given in self._done else None
        if self._ordered:
            return min(self._done, default=None)
        return next(iter(self._done), None)

    def _is_over(self) -> bool:
        return self._exhausted and not self._running and not self.reading
