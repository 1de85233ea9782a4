"""The event loop interface (`event_loop`) on trio; imported only if trio has been imported."""

from __future__ import annotations

import contextlib
import contextvars
import math
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import trio

from .._shared.watchdog import Watchdog
from .event_loop import EventLoop, TaskLock
from .trio_exchange import TrioExchange
from .trio_stream import TrioStream

T = TypeVar("T")


class _Lock:
    """See `TaskLock`."""

    def __init__(self) -> None:
        self._lock = trio.Lock()

    async def acquire(self) -> None:
        # trio's own lock waits for a moment, and can be cancelled, even if nothing holds it.
        try:
            self._lock.acquire_nowait()
        except trio.WouldBlock:
            await self._lock.acquire()

    def release(self) -> None:
        self._lock.release()


@dataclass(frozen=True)
class TrioLoop(EventLoop):
    """See `EventLoop`.

    Attributes:
        token: The token of the trio run.
    """

    token: trio.lowlevel.TrioToken

    @property
    def is_closed(self) -> bool:
        """See `EventLoop`."""
        try:
            self.token.run_sync_soon(_do_nothing)
        except trio.RunFinishedError:
            return True
        return False

    def call_soon(self, function: Callable[[], object]) -> None:
        """See `EventLoop`."""
        with contextlib.suppress(trio.RunFinishedError):
            self.token.run_sync_soon(function)

    def current_task(self) -> object:
        """See `EventLoop`."""
        return trio.lowlevel.current_task()

    def current_task_or_none(self) -> object | None:
        """See `EventLoop`."""
        try:
            is_here = trio.lowlevel.current_trio_token() is self.token
        except RuntimeError:
            return None
        return trio.lowlevel.current_task() if is_here else None

    def is_task_cancelled(self) -> bool:
        """See `EventLoop`."""
        try:
            deadline: float = trio.current_effective_deadline()
        except AttributeError:
            # A task that is ending has no cancel scope any more, and finalizers may run then.
            return False
        return deadline == -math.inf

    def lock(self) -> TaskLock:
        """See `EventLoop`."""
        return _Lock()

    def exchange(self, watchdog: Watchdog) -> TrioExchange:
        """See `EventLoop`."""
        return TrioExchange(watchdog, self)

    def call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], object]:
        """See `EventLoop`."""
        scope = trio.CancelScope()

        async def run() -> None:
            with scope:
                await trio.sleep(seconds)
                function()

        trio.lowlevel.spawn_system_task(run)
        return scope.cancel

    def on_end(self, function: Callable[[], None]) -> Callable[[], object]:
        """See `EventLoop`."""
        scope = trio.CancelScope()

        async def wait() -> None:
            try:
                with scope:
                    await trio.sleep_forever()
            finally:
                function()

        # A trio run cancels its system tasks when its main task has ended.
        trio.lowlevel.spawn_system_task(wait)
        return partial(self.call_soon, scope.cancel)

    async def sleep(self, seconds: float) -> None:
        """See `EventLoop`."""
        await trio.sleep(seconds)

    async def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """See `EventLoop`."""
        things: list[T] = []
        is_there = trio.Event()

        def deliver(thing: T) -> None:
            things.append(thing)
            self.call_soon(is_there.set)

        begin(deliver)
        await is_there.wait()
        return things[0]

    def spawn(
        self, work: Callable[[], Coroutine[Any, Any, None]], end: Callable[[], None]
    ) -> Callable[[], object]:
        """See `EventLoop`."""
        scope = trio.CancelScope()

        async def run() -> None:
            try:
                with scope:
                    await work()
            finally:
                end()

        trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
        return scope.cancel

    async def stream_from_socket(self, sock: socket.socket) -> TrioStream:
        """See `EventLoop`."""
        return TrioStream(sock)

    async def complete_despite_cancellation(
        self, work: Coroutine[Any, Any, T], interrupt: Callable[[], None]
    ) -> T:
        """See `EventLoop`."""
        with _shield():
            return await work

    async def run_with_timeout(self, seconds: float, work: Coroutine[Any, Any, object]) -> None:
        """See `EventLoop`."""
        with trio.move_on_after(seconds):
            await work


@contextlib.contextmanager
def _shield() -> Iterator[None]:
    # A context manager of our own, because type checkers assume that a cancel scope may suppress
    # exceptions.
    with trio.CancelScope(shield=True):
        yield


def _do_nothing() -> None:
    """Do nothing; it is only scheduled to see whether the trio run has ended."""


def running_trio_loop() -> TrioLoop | None:
    """Return the loop of the running trio task, or None if no trio task is running."""
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return None
    return TrioLoop(trio.lowlevel.current_trio_token())
