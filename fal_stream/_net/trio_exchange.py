"""The exchange on trio: each wait has a cancel scope of its own.

An abort or a timeout cancels the scope. No scope is kept longer than its wait.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import trio

from .._shared.watchdog import Watchdog
from .async_exchange import AsyncExchange, do_nothing
from .event_loop import EventLoop

T = TypeVar("T")

# How long to wait for data that may have arrived already (seconds); with 0, trio doesn't check at
# all.
_LAST_READ_SECONDS = 0.001


class TrioExchange(AsyncExchange):
    """See `AsyncExchange`; on trio."""

    def __init__(self, watchdog: Watchdog, loop: EventLoop) -> None:
        super().__init__(watchdog, loop)
        # More than one if work that is awaited with `run` uses the exchange to wait, too.
        self._scopes: list[trio.CancelScope] = []

    def _interrupt(self) -> bool:
        for scope in self._scopes:
            scope.cancel()
        return bool(self._scopes)

    async def wait(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Wait for a function's awaitable, and return its result.

        Args:
            begin: Starts the wait. It is called a second time when a limit has run out, because if
                the process was suspended, the result may have come meanwhile.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.raise_if_aborted()
        with self._waiting() as seconds:
            for timeout in (seconds, _LAST_READ_SECONDS):
                scope = trio.CancelScope(deadline=trio.current_time() + timeout)
                self._scopes.append(scope)
                try:
                    with scope:
                        return await begin()
                finally:
                    self._scopes.remove(scope)
                self.raise_if_aborted()
        raise self.watchdog.next_expiry()

    async def run(self, work: Coroutine[Any, Any, T], undo: Callable[[T], Any] = do_nothing) -> T:
        """See `AsyncExchange`; `undo` is not needed: a result is returned even if it is late."""
        scope, watch = trio.CancelScope(), trio.CancelScope()
        with contextlib.closing(work):
            self.raise_if_aborted()
            with self._waiting():
                self._scopes.append(scope)
                trio.lowlevel.spawn_system_task(self._watch, scope, watch)
                try:
                    with scope:
                        return await work
                finally:
                    # Not called directly: trio's `Cancelled` would have this frame in its traceback
                    # and keep its stream alive until the system task has run.
                    self.loop.call_soon(watch.cancel)
                    self._scopes.remove(scope)
        self.raise_if_aborted()
        raise self.watchdog.next_expiry()

    async def any_writable(
        self, socks: Sequence[socket.socket], seconds: float
    ) -> list[socket.socket]:
        """See `AsyncExchange`."""
        ready: list[socket.socket] = []

        async def watch(sock: socket.socket, scope: trio.CancelScope) -> None:
            await trio.lowlevel.wait_writable(sock)
            ready.append(sock)
            scope.cancel()

        async def begin() -> None:
            with trio.move_on_after(seconds) as scope:
                if len(socks) == 1:
                    return await watch(socks[0], scope)
                try:
                    async with trio.open_nursery() as nursery:
                        for sock in socks:
                            nursery.start_soon(watch, sock, scope)
                except BaseException as error:
                    await raise_plainly(error)

        await self.wait(begin)
        return ready

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[float]:
        seconds = self.watchdog.enter()
        try:
            yield seconds
        finally:
            self.watchdog.leave()

    async def _watch(self, scope: trio.CancelScope, watch: trio.CancelScope) -> None:
        """Cancel a scope when a limit runs out, even if the work has extended the limit."""
        with watch:
            while (seconds := self.watchdog.remaining()) > 0:
                await trio.sleep(seconds)
            for _ in range(2):
                # Let trio read its sockets first: if the process was suspended, data may have
                # arrived.
                await trio.lowlevel.checkpoint()
            scope.cancel()


async def raise_plainly(error: BaseException) -> NoReturn:
    """Raise an exception, or the first one in a group that a nursery has made of it."""
    await trio.lowlevel.checkpoint_if_cancelled()
    # Python 3.10 has no exception groups.
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    if inner:
        await raise_plainly(inner[0])
    raise error
