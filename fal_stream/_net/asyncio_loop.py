"""The event loop interface (`event_loop`) on asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from .._shared.watchdog import Watchdog
from .asyncio_exchange import AsyncioExchange, ignore_result
from .asyncio_stream import AsyncioStream, stream_from_socket
from .event_loop import EventLoop, TaskLock

T = TypeVar("T")


@dataclass(frozen=True)
class AsyncioLoop(EventLoop):
    """See `EventLoop`.

    Attributes:
        loop: The event loop.
    """

    loop: asyncio.AbstractEventLoop

    @classmethod
    def running(cls) -> AsyncioLoop:
        """Return the running event loop.

        Raises:
            RuntimeError: No event loop is running.
        """
        return cls(asyncio.get_running_loop())

    @property
    def is_closed(self) -> bool:
        """See `EventLoop`."""
        return self.loop.is_closed()

    def call_soon(self, function: Callable[[], object]) -> None:
        """See `EventLoop`."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(function)

    def current_task(self) -> object:
        """See `EventLoop`."""
        return asyncio.current_task()

    def current_task_or_none(self) -> object | None:
        """See `EventLoop`; trio in guest mode on asyncio doesn't run in a task of asyncio."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return None
        return task if task is not None and task.get_loop() is self.loop else None

    def is_task_cancelled(self) -> bool:
        """See `EventLoop`; always False on Python 3.10, where tasks don't tell."""
        cancelling: Callable[[], int] | None = getattr(asyncio.current_task(), "cancelling", None)
        return cancelling is not None and cancelling() > 0

    def lock(self) -> TaskLock:
        """See `EventLoop`."""
        return asyncio.Lock()

    def exchange(self, watchdog: Watchdog) -> AsyncioExchange:
        """See `EventLoop`."""
        return AsyncioExchange(watchdog, self, self.loop)

    def call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], object]:
        """See `EventLoop`."""
        return self.loop.call_later(seconds, function).cancel

    def on_end(self, function: Callable[[], None]) -> Callable[[], object]:
        """See `EventLoop`."""
        is_forgotten = False

        # An event loop closes its async generators when it ends (`shutdown_asyncgens`).
        async def wait() -> AsyncGenerator[None, None]:
            try:
                yield
            finally:
                if not is_forgotten:
                    function()

        generator = wait()
        with contextlib.suppress(StopIteration):
            generator.asend(None).send(None)

        def forget() -> None:
            nonlocal is_forgotten
            is_forgotten = True
            # The loop would close a generator that is garbage-collected only later, and Python 3.12
            # and later warn if the loop itself is closed before that. It may be closing it right
            # now.
            with contextlib.suppress(StopIteration, RuntimeError):
                generator.aclose().send(None)

        return forget

    async def sleep(self, seconds: float) -> None:
        """See `EventLoop`."""
        await asyncio.sleep(seconds)

    async def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """See `EventLoop`."""
        answer: asyncio.Future[T] = self.loop.create_future()

        def settle(thing: T) -> None:
            if not answer.done():
                answer.set_result(thing)

        begin(lambda thing: self.call_soon(lambda: settle(thing)))
        return await answer

    def spawn(
        self, work: Callable[[], Coroutine[Any, Any, None]], end: Callable[[], None]
    ) -> Callable[[], object]:
        """See `EventLoop`."""
        # Not with the loop's task factory: eager tasks could start each other recursively.
        task = asyncio.Task(work(), loop=self.loop)
        task.add_done_callback(lambda _: end())
        return task.cancel

    async def stream_from_socket(self, sock: socket.socket) -> AsyncioStream:
        """See `EventLoop`."""
        return await stream_from_socket(sock)

    async def complete_despite_cancellation(
        self, work: Coroutine[Any, Any, T], interrupt: Callable[[], None]
    ) -> T:
        """See `EventLoop`."""
        return await _finished(asyncio.ensure_future(work), interrupt)

    async def run_with_timeout(self, seconds: float, work: Coroutine[Any, Any, object]) -> None:
        """See `EventLoop`."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task], timeout=seconds)
        finally:
            if not task.done():
                # Don't wait for it: it is the user's code, and may never end.
                task.cancel()
                task.add_done_callback(ignore_result)
        if task.done() and not task.cancelled():
            task.result()


async def _finished(task: asyncio.Future[T], interrupt: Callable[[], None]) -> T:
    """Wait for a task; if the caller is cancelled, interrupt the task and wait for its end."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        interrupt()
        await _wait_despite_cancellation(task)
        raise


async def _wait_despite_cancellation(task: asyncio.Future[Any]) -> None:
    """Wait for a task, ignoring cancellations: the caller will raise one afterwards anyway."""
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue
