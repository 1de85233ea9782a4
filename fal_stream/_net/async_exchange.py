"""The exchange of the asyncio flavour: each wait is for one future.

The exchange puts an exception into that future when a limit runs out or it is aborted. Where
nobody waits, an abort closes the connection itself; an exchange lets go of it before it goes back
to the pool, so that a late abort can't hit the next user. One timer serves a whole exchange; it
is set anew only when it fires, not with each read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from .._shared.watchdog import Watchdog
from .exchange import Aborted, BaseExchange, current
from .runtime import SLICE, async_call

T = TypeVar("T")


def _nothing(_: object) -> None:
    """What needs no undoing."""


class AsyncExchange(BaseExchange):
    """See `BaseExchange`; the asyncio flavour, of the loop that it is made in."""

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__(watchdog)
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._close: Callable[[], None] | None = None

    @property
    def is_orphaned(self) -> bool:
        """See `BaseExchange`."""
        return self._loop.is_closed()

    def abort(self) -> None:
        """See `BaseExchange`."""
        super().abort()
        # A loop that is closed has nobody waiting.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Aborted())
        elif self._close is not None:
            # Its reader may never come back; the server is to be told all the same.
            self._close()

    def attach(self, close: Callable[[], None]) -> None:
        """Name what closes the connection of the exchange; called by an abort in the loop."""
        self._close = close

    def drop(self) -> None:
        """Close the connection, if there is one: the request on it has failed."""
        close, self._close = self._close, None
        if close is not None:
            close()

    def detach(self) -> bool:
        """Let go of the connection.

        Returns:
            Whether no abort has touched it, so that others may use it.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._close = None
        return not self.aborted

    def check(self) -> None:
        """Raise Aborted after an abort."""
        if self.aborted:
            raise Aborted

    def glance(self) -> None:
        """Go by the rules of a wait where there is nothing to wait for.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.check()
        self.watchdog.enter()
        self.watchdog.leave()

    async def wait(self, future: asyncio.Future[T]) -> T:
        """Wait for a future.

        Args:
            future: The future; it is given the exception if the wait is in vain.

        Returns:
            Its result.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.check()
        watchdog = self.watchdog
        self._set_timer(watchdog.enter())
        self._waiter = future
        try:
            return await future
        finally:
            self._waiter = None
            watchdog.leave()

    async def run(self, work: Coroutine[Any, Any, T], undo: Callable[[T], Any]) -> T:
        """Wait for a coroutine, in a task of its own that is cancelled if the wait is in vain.

        Args:
            work: The coroutine.
            undo: Frees its result where it came too late; may be a coroutine function.

        Returns:
            Its result.
        """
        task = self._loop.create_task(work)
        finished: asyncio.Future[None] = self._loop.create_future()
        task.add_done_callback(lambda _: _wake(finished))
        try:
            await self.wait(finished)
        except BaseException:
            task.cancel()
            # Not for ever: a function of the user's may not want to end.
            await asyncio.wait([task], timeout=SLICE)
            if not task.done():
                task.add_done_callback(_ignore)
            elif not task.cancelled() and task.exception() is None:
                await async_call(undo, task.result())
            raise
        return task.result()

    async def call(
        self,
        function: Callable[..., T | Awaitable[T]],
        *args: Any,
        undo: Callable[[T], Any] = _nothing,
    ) -> T:
        """Call a function that may be a coroutine function, and may take long.

        Args:
            function: The function. A plain one runs here and now, and can't be interrupted.
            *args: Its arguments.
            undo: Frees what it returns where that comes too late. Default: nothing is freed.

        Returns:
            What it returns.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        return await self.run(async_call(function, *args), undo)

    async def delivery(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """Wait for something that another thread or task delivers.

        Args:
            begin: Is given the function to deliver by, callable from any thread at any time.

        Returns:
            What was delivered.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        answer: asyncio.Future[T] = self._loop.create_future()

        def settle(thing: T) -> None:
            if not answer.done():
                answer.set_result(thing)

        def deliver(thing: T) -> None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(settle, thing)

        begin(deliver)
        return await self.wait(answer)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        over: asyncio.Future[None] = self._loop.create_future()
        timer = self._loop.call_later(seconds, _wake, over)
        try:
            await self.wait(over)
        finally:
            timer.cancel()

    def _set_timer(self, seconds: float) -> None:
        if seconds == float("inf"):
            return
        due = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._look)

    def _look(self, turns: int = 2) -> None:
        self._timer = None
        if self._waiter is None:
            return
        expired = self.watchdog.expired()
        if expired is None:
            self._set_timer(self.watchdog.remaining())
        elif turns:
            # The loop looks at its sockets first: where the process was stopped for a while, data
            # is waiting there.
            self._loop.call_soon(self._look, turns - 1)
        else:
            self._fail(expired)

    def _fail(self, reason: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(reason)


def _ignore(task: asyncio.Task[Any]) -> None:
    """Take what a task ended with, or asyncio would complain that nobody did."""
    if not task.cancelled():
        task.exception()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def under_way() -> AsyncExchange:
    """Give the exchange under way."""
    exchange = current.get()
    if not isinstance(exchange, AsyncExchange):
        raise RuntimeError("the network is used without an exchange")
    return exchange
