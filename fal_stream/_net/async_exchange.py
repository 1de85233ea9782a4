"""The asynchronous exchange (timeouts and aborts of one request), for any event loop.

If a task waits, an abort or a timeout ends its wait. If none does, an abort closes the connection
itself. An exchange releases its connection before that goes back to the pool, so a late abort can't
hit the next request.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from .._ipython import running_shell
from .._shared.watchdog import Watchdog
from .compat import async_call
from .event_loop import EventLoop
from .exchange import BaseExchange
from .loops import running_loop

T = TypeVar("T")


def nothing(_: object) -> None:
    """What needs no undoing."""


class AsyncExchange(BaseExchange, ABC):
    """See `BaseExchange`; the asynchronous flavour, of the event loop that it is made in.

    Args:
        watchdog: Asked before every wait.
        loop: The event loop.
    """

    def __init__(self, watchdog: Watchdog, loop: EventLoop) -> None:
        super().__init__(watchdog)
        self.loop = loop
        self._close: Callable[[], None] | None = None

    @property
    def is_orphaned(self) -> bool:
        """See `BaseExchange`."""
        return self.loop.is_closed

    def abort(self) -> None:
        """See `BaseExchange`."""
        super().abort()
        self.loop.call_soon(self._abort)

    def _abort(self) -> None:
        if not self._interrupt() and self._close is not None:
            # The reader may never return, but the server should notice the abort.
            self._close()

    @abstractmethod
    def _interrupt(self) -> bool:
        """End the waits there are; tell whether there is one."""

    @abstractmethod
    async def run(self, work: Coroutine[Any, Any, T], undo: Callable[[T], Any] = nothing) -> T:
        """Wait for a coroutine, which is cancelled if the wait is in vain.

        Args:
            work: The coroutine.
            undo: Frees its result where it came too late; may be a coroutine function. Default:
                nothing is freed.

        Returns:
            Its result.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """

    @abstractmethod
    async def any_writable(
        self, socks: Sequence[socket.socket], seconds: float
    ) -> list[socket.socket]:
        """Wait until some sockets can be written to, and return these.

        Args:
            socks: The sockets.
            seconds: How many seconds to wait at most.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """

    def attach(self, close: Callable[[], None]) -> None:
        """Name what closes the connection of the exchange; called by an abort in the loop."""
        self._close = close

    def detach(self) -> bool:
        """Let go of the connection.

        Returns:
            Whether no abort has touched it, so that others may use it.
        """
        self._close = None
        return not self.aborted

    def checkpoint(self) -> None:
        """Apply the rules of a wait (limits and abort) where there is nothing to wait for.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.check()
        self.watchdog.enter()
        self.watchdog.leave()

    async def call(
        self,
        function: Callable[..., T | Awaitable[T]],
        *args: Any,
        undo: Callable[[T], Any] = nothing,
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

    async def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """Wait for something that another thread or task delivers.

        Args:
            begin: Is given the function to deliver by, callable from any thread at any time.

        Returns:
            What was delivered.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        return await self.run(self.loop.wait_for_callback(begin))

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        await self.run(self.loop.sleep(seconds))


def async_new_exchange(watchdog: Watchdog) -> AsyncExchange:
    """Make an exchange of the event loop that runs here.

    Args:
        watchdog: Asked before every wait.
    """
    exchange = running_loop().exchange(watchdog)
    if running_shell() is not None:
        from .notebook_interrupts import async_track_in_cell

        async_track_in_cell(exchange)
    return exchange
