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
        "A listener has read its own stream, which would wait for itself: use the chunk that the "
        "listener was called with, or read the stream in another task or thread"
    )


class AsyncTicket:
    """A task's place in the queue of an `AsyncTicketLock`."""

    __slots__ = ("_lock", "is_acquired")

    def __init__(self, lock: AsyncTicketLock) -> None:
        self.is_acquired = False
        self._lock = lock

    @property
    def taken(self) -> AbstractContextManager[None]:
        """Nothing: no signal handler can acquire the lock while it interrupts a task."""
        return nullcontext()

    @property
    def held(self) -> AsyncTicket:
        """A context manager that releases the lock, if it was acquired."""
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *exc_info: object) -> None:
        if self.is_acquired:
            self._lock.release()


class AsyncTicketLock:
    """A first-in, first-out lock: one task at a time reads the stream.

    It is used as `TicketLock` is.

    Attributes:
        holder: The task that holds the lock, or None.
    """

    def __init__(self) -> None:
        self._loop: EventLoop | None = None
        self._lock: TaskLock
        self.holder: object | None = None
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether no task holds the lock or waits for it."""
        return self.holder is None and not self._waiting

    def is_held_here(self) -> bool:
        """Return whether the calling task holds the lock."""
        return self.holder is not None and self.holder is running_loop().current_task()

    def can_close(self) -> bool:
        """Return whether the calling task may wait for the lock to close the stream."""
        return not self.is_held_here()

    def check_reentry(self) -> None:
        """Raise an error if the calling task holds the lock: it would wait for itself."""
        if self.holder is not None and self.is_held_here():
            raise _reentrant_error()

    def ticket(self) -> AsyncTicket:
        """Return a ticket: a place in the queue."""
        return AsyncTicket(self)

    async def acquire(self, ticket: AsyncTicket) -> None:
        """Wait for the lock, which is held until the `with` block of the ticket is left."""
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
        """Release the lock; the next task in the queue acquires it."""
        self.holder = None
        self._lock.release()

    def _move_to(self, loop: EventLoop) -> None:
        if self._loop == loop:
            return
        if self._loop is not None and not self._loop.is_closed:
            raise FalStreamError(
                "The stream runs in another event loop: read it there, or make a stream of its own "
                "for each loop"
            )
        # Tasks of a closed event loop don't wait any more.
        self._loop, self._lock, self.holder, self._waiting = loop, loop.lock(), None, 0


class Ticket:
    """A thread's place in the queue of a `TicketLock`.

    Attributes:
        taken: Locked while the thread waits for the lock or holds it.
        held: The same, but also locked for a moment by each thread that has waited for it. Leaving
            its `with` block unlocks it in a single operation of the interpreter, which no Ctrl-C
            can interrupt.
        thread: The identifier of the thread.
    """

    __slots__ = ("held", "taken", "thread")

    def __init__(self) -> None:
        self.taken = threading.Lock()
        self.held = threading.Lock()
        self.thread = threading.get_ident()


class TicketLock:
    """A first-in, first-out lock: one thread at a time reads the stream.

    A thread enters the block `with ticket.taken, ticket.held:` and calls `acquire` in it, which
    waits for all tickets before its own. The thread waits for the lock or holds it until it leaves
    the block. So wherever a Ctrl-C interrupts it, the lock is released.

    Attributes:
        holder: The ticket that holds the lock, as long as its `held` is locked. A thread that
            leaves the block without an exception sets this to None first, because for a moment
            `held` may be locked by a thread that has waited for it.
    """

    def __init__(self) -> None:
        # No lock guards the queue: each step on it is a single operation of the interpreter.
        self._queue: list[Ticket] = []
        self.holder: Ticket | None = None

    def is_held_here(self) -> bool:
        """Return whether the calling thread holds the lock."""
        holder = self.holder
        if holder is None or holder.thread != threading.get_ident():
            return False
        return holder.held.locked()

    @property
    def is_idle(self) -> bool:
        """Whether no thread holds the lock or waits for it."""
        return not [ticket for ticket in self._queue.copy() if ticket.held.locked()]

    def can_close(self) -> bool:
        """Return whether the calling thread may wait for the lock to close the stream."""
        return not self.is_held_here() and (self.is_idle or may_wait_for_threads())

    def check_reentry(self) -> None:
        """Raise an error if the calling thread holds the lock: it would wait for itself."""
        if self.is_held_here():
            raise _reentrant_error()

    def ticket(self) -> Ticket:
        """Return a ticket: a place in the queue."""
        return Ticket()

    def acquire(self, ticket: Ticket) -> None:
        """Wait for the lock, which is held until the `with` block of the ticket is left.

        Args:
            ticket: The thread's ticket, in its `with` block.
        """
        self.check_reentry()
        queue = self._queue
        queue.append(ticket)
        for other in queue.copy():
            if other is ticket:
                break
            is_own = other.thread == ticket.thread
            if is_own and other.taken.locked():
                # A signal handler or a finalizer goes before the code that it has interrupted, and
                # so before all tickets after that.
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
        # On Windows, Ctrl-C can't interrupt a wait for a lock.
        while lock.locked():
            time.sleep(0.005)
    else:
        with lock:
            pass
