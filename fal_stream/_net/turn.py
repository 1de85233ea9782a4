"""Who may read a stream: one at a time, both flavours side by side."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext

from ..errors import FalStreamError
from .event_loop import EventLoop, TaskLock
from .running import running_loop


def _reentered() -> FalStreamError:
    return FalStreamError(
        "A listener has asked its own stream for chunks, which would wait for itself: "
        "use the chunk that the listener was given, or ask from another task or thread"
    )


class AsyncSeat:
    """A task's place in the line of an `AsyncTurn`.

    Args:
        turn: The turn.
    """

    __slots__ = ("_turn", "has_turn")

    def __init__(self, turn: AsyncTurn) -> None:
        self.has_turn = False
        self._turn = turn

    @property
    def taken(self) -> AbstractContextManager[None]:
        """Nothing: tasks are not interrupted by themselves."""
        return nullcontext()

    @property
    def occupied(self) -> AsyncSeat:
        """Held as long as the task waits or has the turn."""
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *exc_info: object) -> None:
        if self.has_turn:
            self._turn.leave()


class AsyncTurn:
    """Who may read the stream: one task at a time, the others in the order they came.

    It is used as `Turn` is.

    Attributes:
        holder: The task that has the turn, or None.
    """

    def __init__(self) -> None:
        self._loop: EventLoop | None = None
        self._lock: TaskLock
        self.holder: object | None = None
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether no task has the turn or waits for it."""
        return self.holder is None and not self._waiting

    def is_mine(self) -> bool:
        """Tell whether the calling task has the turn."""
        return self.holder is not None and self.holder is running_loop().current_task()

    def check_reentry(self) -> None:
        """Raise an error where the calling task has the turn: it would wait for itself."""
        if self.holder is not None and self.is_mine():
            raise _reentered()

    def seat(self) -> AsyncSeat:
        """Give a place in the line."""
        return AsyncSeat(self)

    async def reached(self, seat: AsyncSeat) -> None:
        """Wait for the turn, which lasts as long as the seat is occupied."""
        task = None if self._loop is None else self._loop.task_here()
        if task is None:
            loop = running_loop()
            self._move_to(loop)
            task = loop.current_task()
        if self.holder is task:
            raise _reentered()
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        self.holder = task
        seat.has_turn = True

    def leave(self) -> None:
        """Hand the turn on."""
        self.holder = None
        self._lock.release()

    def _move_to(self, loop: EventLoop) -> None:
        if self._loop == loop:
            return
        if self._loop is not None and not self._loop.is_closed:
            raise FalStreamError(
                "The stream runs in another event loop: ask it there, or make a stream of its own "
                "for each loop"
            )
        # Of a loop that is gone nobody waits any more.
        self._loop, self._lock, self.holder, self._waiting = loop, loop.lock(), None, 0


class Seat:
    """A thread's place in the line of a `Turn`.

    Attributes:
        taken: Held as long as `occupied` is, by the thread alone.
        occupied: Held as long as the thread waits or has the turn, and for a moment by each who has
            waited for that. It is left by one step of the interpreter, which no Ctrl-C can come
            between.
        thread: The thread.
    """

    __slots__ = ("occupied", "taken", "thread")

    def __init__(self) -> None:
        self.taken = threading.Lock()
        self.occupied = threading.Lock()
        self.thread = threading.get_ident()


class Turn:
    """Who may read the stream: one thread at a time, the others in the order they came.

    A thread takes a seat (`with seat.taken, seat.occupied:`), and waits in `reached` for all
    before it. What ends its turn, or its wait, is that the lock is left: so Ctrl-C, wherever it
    comes, can't leave the turn with a thread that has gone.

    Attributes:
        holder: The seat that has the turn, as long as it is occupied. Who leaves it by itself sets
            None first: for a moment, a seat is held by the one who waits for it, too.
    """

    def __init__(self) -> None:
        # No lock guards it: each step on it is one of the interpreter.
        self._line: list[Seat] = []
        self.holder: Seat | None = None

    def is_mine(self) -> bool:
        """Tell whether the calling thread has the turn."""
        holder = self.holder
        if holder is None or holder.thread != threading.get_ident():
            return False
        return holder.occupied.locked()

    @property
    def is_idle(self) -> bool:
        """Whether no thread has the turn or waits for it."""
        return not [seat for seat in self._line.copy() if seat.occupied.locked()]

    def check_reentry(self) -> None:
        """Raise an error where the calling thread has the turn: it would wait for itself."""
        if self.is_mine():
            raise _reentered()

    def seat(self) -> Seat:
        """Give a place in the line."""
        return Seat()

    def reached(self, seat: Seat) -> None:
        """Wait for the turn, which lasts as long as the seat is occupied.

        Args:
            seat: The thread's seat, which it occupies.
        """
        self.check_reentry()
        line = self._line
        line.append(seat)
        for other in line.copy():
            if other is seat:
                break
            is_own = other.thread == seat.thread
            if is_own and other.taken.locked():
                # A signal handler or a finalizer goes before what it has interrupted, and so before
                # all that wait behind that.
                break
            if not is_own and other.occupied.locked():
                _await_release(other.occupied)
            try:
                line.remove(other)
            except ValueError:  # another has done it
                continue
        self.holder = seat


def _await_release(lock: threading.Lock) -> None:
    if sys.platform == "win32":
        # A wait for a lock could not be interrupted by Ctrl-C there.
        while lock.locked():
            time.sleep(0.005)
    else:
        with lock:
            pass
