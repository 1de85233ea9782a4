"""The read lock of a stream: a first-in, first-out (ticket) lock, both flavours side by side."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext

from .._signal_errors import raised_by_signal_handler
from ..errors import FalStreamError
from .event_loop import EventLoop, TaskLock
from .loops import running_loop
from .threads import may_wait_for_threads


def _reentrant_error() -> FalStreamError:
    return FalStreamError(
        "A listener has asked its own stream for chunks, which would wait for itself: "
        "use the chunk that the listener was given, or ask from another task or thread"
    )


class AsyncTicket:
    """A task's place in the queue of an `AsyncTicketLock`."""

    __slots__ = ("_lock", "is_acquired")

    def __init__(self, lock: AsyncTicketLock) -> None:
        self.is_acquired = False
        self._lock = lock

    @property
    def taken(self) -> AbstractContextManager[None]:
        """Nothing: tasks are not interrupted by themselves."""
        return nullcontext()

    @property
    def held(self) -> AsyncTicket:
        """Held as long as the task waits for the lock or has it."""
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *exc_info: object) -> None:
        if self.is_acquired:
            self._lock.release()


class AsyncTicketLock:
    """A first-in, first-out lock: one task at a time reads the stream.

    It is used as `TicketLock` is.

    Attributes:
        holder: The task that has the lock, or None.
    """

    def __init__(self) -> None:
        self._loop: EventLoop | None = None
        self._lock: TaskLock
        self.holder: object | None = None
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether no task has the lock or waits for it."""
        return self.holder is None and not self._waiting

    def is_held_here(self) -> bool:
        """Return whether the calling task has the lock."""
        return self.holder is not None and self.holder is running_loop().current_task()

    def can_close(self) -> bool:
        """Return whether the calling task may wait for the lock to close the stream."""
        return not self.is_held_here()

    def check_reentry(self) -> None:
        """Raise an error where the calling task has the lock: it would wait for itself."""
        if self.holder is not None and self.is_held_here():
            raise _reentrant_error()

    def ticket(self) -> AsyncTicket:
        """Return a ticket: a place in the queue."""
        return AsyncTicket(self)

    async def acquire(self, ticket: AsyncTicket) -> None:
        """Wait for the lock, which the ticket has as long as it is held."""
        task = None if self._loop is None else self._loop.current_task_or_none()
        if task is None:
            loop = running_loop()
            self._move_to(loop)
            task = loop.current_task()
        if self.holder is task:
            raise _reentrant_error()
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        self.holder = task
        ticket.is_acquired = True

    def release(self) -> None:
        """Release the lock to the next in the queue."""
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
        # Nothing waits in a closed event loop any more.
        self._loop, self._lock, self.holder, self._waiting = loop, loop.lock(), None, 0


class Ticket:
    """A thread's place in the queue of a `TicketLock`.

    Attributes:
        taken: Locked as long as `held` is, by the thread alone.
        held: Locked as long as the thread waits or has the lock, and for a moment by each who has
            waited for that. It is unlocked by one step of the interpreter, which no Ctrl-C can
            come between.
        thread: The thread.
    """

    __slots__ = ("held", "taken", "thread")

    def __init__(self) -> None:
        self.taken = threading.Lock()
        self.held = threading.Lock()
        self.thread = threading.get_ident()


class TicketLock:
    """A first-in, first-out lock: one thread at a time reads the stream.

    A thread takes a ticket (`with ticket.taken, ticket.held:`), and waits in `acquire` for all
    before it. It has the lock, or waits for it, until that block is left: so a Ctrl-C, wherever it
    comes, can't leave the lock with a thread that has gone.

    Attributes:
        holder: The ticket that has the lock, as long as it is held. Who leaves the block by itself
            sets None first: for a moment, a ticket is held by the one who waits for it, too.
    """

    def __init__(self) -> None:
        # No lock guards it: each step on it is one of the interpreter.
        self._queue: list[Ticket] = []
        self.holder: Ticket | None = None

    def is_held_here(self) -> bool:
        """Return whether the calling thread has the lock."""
        holder = self.holder
        if holder is None or holder.thread != threading.get_ident():
            return False
        return holder.held.locked()

    @property
    def is_idle(self) -> bool:
        """Whether no thread has the lock or waits for it."""
        return not [ticket for ticket in self._queue.copy() if ticket.held.locked()]

    def can_close(self) -> bool:
        """Return whether the calling thread may wait for the lock to close the stream."""
        return not self.is_held_here() and (self.is_idle or may_wait_for_threads())

    def check_reentry(self) -> None:
        """Raise an error where the calling thread has the lock: it would wait for itself."""
        if self.is_held_here():
            raise _reentrant_error()

    def ticket(self) -> Ticket:
        """Return a ticket: a place in the queue."""
        return Ticket()

    def acquire(self, ticket: Ticket) -> None:
        """Wait for the lock, which the ticket has as long as it is held.

        Args:
            ticket: The thread's ticket, which it holds.
        """
        self.check_reentry()
        queue = self._queue
        queue.append(ticket)
        for other in queue.copy():
            if other is ticket:
                break
            is_own = other.thread == ticket.thread
            if is_own and other.taken.locked():
                # A signal handler or a finalizer goes before what it has interrupted, and so before
                # all that wait behind that.
                break
            if not is_own and other.held.locked():
                _await_release(other.held)
            try:
                queue.remove(other)
            except ValueError as error:  # another thread has done it
                if raised_by_signal_handler(error) is not None:
                    raise
        self.holder = ticket


def _await_release(lock: threading.Lock) -> None:
    if sys.platform == "win32":
        # There, Ctrl-C can't interrupt a wait for a lock.
        while lock.locked():
            time.sleep(0.005)
    else:
        with lock:
            pass
