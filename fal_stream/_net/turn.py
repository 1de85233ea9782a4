"""Who may read a stream: one at a time, both flavours side by side."""

from __future__ import annotations

import threading
from collections import deque

from ..errors import FalStreamError
from .event_loop import EventLoop, TaskLock
from .running import running_loop
from .runtime import SLICE


def _reentered() -> FalStreamError:
    return FalStreamError(
        "A listener has asked its own stream for chunks, which would wait for itself: "
        "use the chunk that the listener was given, or ask from another task or thread"
    )


class AsyncTurn:
    """Who may read the stream: one task at a time, the others in the order they came."""

    def __init__(self) -> None:
        self._loop: EventLoop | None = None
        self._lock: TaskLock | None = None
        self._holder: object | None = None
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether no task has the turn or waits for it."""
        return self._holder is None and not self._waiting

    def is_mine(self) -> bool:
        """Tell whether the calling task has the turn."""
        return self._holder is not None and self._holder is running_loop().current_task()

    def check_reentry(self) -> None:
        """Raise an error where the calling task has the turn: it would wait for itself."""
        if self._holder is not None and self.is_mine():
            raise _reentered()

    async def __aenter__(self) -> None:
        self.check_reentry()
        loop = running_loop()
        lock = self._lock_of(loop)
        self._waiting += 1
        try:
            await lock.acquire()
        finally:
            self._waiting -= 1
        self._holder = loop.current_task()

    async def __aexit__(self, *exc_info: object) -> None:
        self._holder = None
        if self._lock is not None:
            self._lock.release()

    def _lock_of(self, loop: EventLoop) -> TaskLock:
        if self._lock is not None and self._loop == loop:
            return self._lock
        if self._loop is not None and not self._loop.is_closed:
            raise FalStreamError(
                "The stream runs in another event loop: ask it there, or make a stream of its own "
                "for each loop"
            )
        # Of a loop that is gone nobody waits any more.
        self._loop, self._lock, self._holder, self._waiting = loop, loop.lock(), None, 0
        return self._lock


class Turn:
    """Who may read the stream: one thread at a time, the others in the order they came."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may come in while its thread holds the mutex.
        self._mutex = threading.RLock()
        self._holder: int | None = None
        self._queue: deque[tuple[int, threading.Event]] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether no thread has the turn or waits for it."""
        return self._holder is None

    def is_mine(self) -> bool:
        """Tell whether the calling thread has the turn."""
        return self._holder == threading.get_ident()

    def check_reentry(self) -> None:
        """Raise an error where the calling thread has the turn: it would wait for itself."""
        if self._holder is not None and self.is_mine():
            raise _reentered()

    def __enter__(self) -> None:
        me = threading.get_ident()
        self.check_reentry()
        with self._mutex:
            if self._holder is None:
                self._holder = me
                return
            place = (me, threading.Event())
            self._queue.append(place)
        try:
            # A wait without an end could not be interrupted by Ctrl-C on Windows.
            while not place[1].wait(SLICE):
                pass
        except BaseException:
            with self._mutex:
                if place in self._queue:
                    self._queue.remove(place)
                else:
                    self._pass_on()
            raise

    def __exit__(self, *exc_info: object) -> None:
        with self._mutex:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._queue:
            self._holder, granted = self._queue.popleft()
            granted.set()
        else:
            self._holder = None
