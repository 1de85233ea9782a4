"""The exchange on asyncio: each wait is for one future.

On an abort or a timeout, the exchange sets an exception on that future. One timer serves a whole
exchange: it is rescheduled when it fires, not for each read.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from .._shared.watchdog import Watchdog
from .async_exchange import AsyncExchange, do_nothing
from .event_loop import EventLoop
from .exchange import Aborted
from .flavour_pairs import MAX_WAIT_SLICE, async_call
from .sockets import ready

T = TypeVar("T")

# How often sockets are polled in an event loop that can't watch them (seconds).
_POLL_INTERVAL = 0.005


class AsyncioExchange(AsyncExchange):
    """See `AsyncExchange`; on asyncio.

    Args:
        watchdog: Consulted before every wait.
        loop: The event loop.
        asyncio_loop: The event loop as an object of asyncio.
    """

    def __init__(
        self, watchdog: Watchdog, loop: EventLoop, asyncio_loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(watchdog, loop)
        self._asyncio_loop = asyncio_loop
        # More than one if work that is awaited with `run` uses the exchange to wait, too.
        self._waiters: list[asyncio.Future[Any]] = []
        self._timer: asyncio.TimerHandle | None = None

    def _interrupt(self) -> bool:
        return self._fail(Aborted())

    def detach(self) -> bool:
        """See `AsyncExchange`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return super().detach()

    async def wait(self, future: asyncio.Future[T]) -> T:
        """Wait for a future, and return its result.

        Args:
            future: The future. An abort or a timeout sets an exception on it.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.raise_if_aborted()
        watchdog = self.watchdog
        self._set_timer(watchdog.enter())
        self._waiters.append(future)
        try:
            return await future
        finally:
            self._waiters.remove(future)
            watchdog.leave()

    async def run(self, work: Coroutine[Any, Any, T], undo: Callable[[T], Any] = do_nothing) -> T:
        """See `AsyncExchange`; the coroutine runs in a task of its own."""
        task = self._asyncio_loop.create_task(work)
        finished: asyncio.Future[None] = self._asyncio_loop.create_future()
        task.add_done_callback(lambda _: wake(finished))
        try:
            await self.wait(finished)
        except BaseException:
            task.cancel()
            # Limited, because the user's function may never end.
            await asyncio.wait([task], timeout=MAX_WAIT_SLICE)
            if not task.done():
                task.add_done_callback(ignore_result)
            elif not task.cancelled() and task.exception() is None:
                await async_call(undo, task.result())
            raise
        return task.result()

    async def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """See `AsyncExchange`; without a task of its own."""
        answer: asyncio.Future[T] = self._asyncio_loop.create_future()

        def settle(thing: T) -> None:
            if not answer.done():
                answer.set_result(thing)

        begin(lambda thing: self.loop.call_soon(lambda: settle(thing)))
        return await self.wait(answer)

    async def any_writable(
        self, socks: Sequence[socket.socket], seconds: float
    ) -> list[socket.socket]:
        """See `AsyncExchange`."""
        loop, changed = self._asyncio_loop, self._asyncio_loop.create_future()
        found: list[socket.socket] = []
        # File descriptors, because asyncio formats the repr of a socket that it doesn't know yet.
        watched: list[int] = []

        def note(sock: socket.socket) -> None:
            if sock not in found:
                found.append(sock)
            wake(changed)

        timer: asyncio.TimerHandle | None = None
        try:
            for sock in socks:
                loop.add_writer(number := sock.fileno(), note, sock)
                watched.append(number)
            if seconds != math.inf:
                timer = loop.call_later(seconds, wake, changed)
            await self.wait(changed)
        except NotImplementedError:  # on Windows, with the proactor event loop
            return await self._poll(socks, seconds)
        finally:
            if timer is not None:
                timer.cancel()
            for number in watched:
                loop.remove_writer(number)
        return found

    async def _poll(self, socks: Sequence[socket.socket], seconds: float) -> list[socket.socket]:
        end = self._asyncio_loop.time() + seconds
        while (
            not (found := ready(socks, selectors.EVENT_WRITE, 0.0))
            and self._asyncio_loop.time() < end
        ):
            await self.sleep(_POLL_INTERVAL)
        return found

    def _set_timer(self, seconds: float) -> None:
        if seconds == math.inf:
            return
        due = self._asyncio_loop.time() + seconds
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._asyncio_loop.call_at(due, self._on_timer)

    def _on_timer(self, turns: int = 2) -> None:
        self._timer = None
        if not self._waiters:
            return
        expired = self.watchdog.expired()
        if expired is None:
            self._set_timer(self.watchdog.remaining())
        elif turns:
            # Let the event loop read its sockets first: if the process was suspended, data may be
            # waiting there.
            self._asyncio_loop.call_soon(self._on_timer, turns - 1)
        else:
            self._fail(expired)

    def _fail(self, reason: Exception) -> bool:
        """Fail the current waits, and return whether there were any."""
        pending = [waiter for waiter in self._waiters if not waiter.done()]
        for waiter in pending:
            waiter.set_exception(reason)
        return bool(pending)


def ignore_result(task: asyncio.Task[Any]) -> None:
    """Retrieve a task's exception, or asyncio would log that it was never retrieved."""
    if not task.cancelled():
        task.exception()


def wake(future: asyncio.Future[None] | None) -> None:
    """Set the result of a future, if there is one and it is not done."""
    if future is not None and not future.done():
        future.set_result(None)
