"""The asynchronous exchange (timeouts and aborts of one request), for any event loop.

If a task waits, an abort or a timeout ends its wait. If none waits, an abort closes the connection
itself. An exchange detaches its connection before the connection goes back to the pool, so a late
abort can't interrupt the next request.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from .._ipython import running_shell
from .._shared.watchdog import Watchdog
from .event_loop import EventLoop
from .exchange import BaseExchange
from .flavour_pairs import async_call
from .loops import running_loop

T = TypeVar("T")


def do_nothing(_: object) -> None:
    """Do nothing: the default for `undo`."""


class AsyncExchange(BaseExchange, ABC):
    """See `BaseExchange`; the asynchronous flavour, for one event loop.

    Args:
        watchdog: Consulted before every wait.
        loop: The event loop.
    """

    def __init__(self, watchdog: Watchdog, loop: EventLoop) -> None:
        super().__init__(watchdog)
        self.loop = loop
        self._close: Callable[[], None] | None = None

    @property
    def is_loop_closed(self) -> bool:
        """See `BaseExchange`."""
        return self.loop.is_closed

    def abort(self) -> None:
        """See `BaseExchange`."""
        super().abort()
        self.loop.call_soon(self._abort)

    def _abort(self) -> None:
        if not self._interrupt() and self._close is not None:
            # No task may ever read again, but the server should notice the abort.
            self._close()

    @abstractmethod
    def _interrupt(self) -> bool:
        """End the current waits, and return whether there were any."""

    @abstractmethod
    async def run(self, work: Coroutine[Any, Any, T], undo: Callable[[T], Any] = do_nothing) -> T:
        """Wait for a coroutine and return its result; cancel it if the exchange ends first.

        Args:
            work: The coroutine.
            undo: Is given a result that came too late, to free its resources; may be a coroutine
                function. Default: the result is discarded.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """

    @abstractmethod
    async def any_writable(
        self, socks: Sequence[socket.socket], seconds: float
    ) -> list[socket.socket]:
        """Wait until at least one socket can be written to, and return those that can.

        Args:
            socks: The sockets.
            seconds: The longest time to wait (seconds); the list is empty if it has passed.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """

    def set_waker(self, close: Callable[[], None]) -> None:
        """Set the function that closes the connection; an abort calls it in the event loop."""
        self._close = close

    def detach(self) -> bool:
        """Detach the connection, so that an abort no longer closes it.

        Returns:
            Whether the exchange was not aborted, so another request can use the connection.
        """
        self._close = None
        return not self.aborted

    def checkpoint(self) -> None:
        """Apply the limits and the abort as a wait does, without waiting.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.raise_if_aborted()
        self.watchdog.enter()
        self.watchdog.leave()

    async def call(
        self,
        function: Callable[..., T | Awaitable[T]],
        *args: Any,
        undo: Callable[[T], Any] = do_nothing,
    ) -> T:
        """Call a function that may take long, wait for its result if necessary, and return it.

        Args:
            function: A plain function, which can't be interrupted, or a coroutine function.
            *args: The arguments of the function.
            undo: Is given a result that came too late, to free its resources. Default: the result
                is discarded.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        return await self.run(async_call(function, *args), undo)

    async def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """Wait for a result that another thread or task delivers, and return it.

        Args:
            begin: Starts the work. Its argument is the callback for the result, which can be called
                from any thread at any time.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        return await self.run(self.loop.wait_for_callback(begin))

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        await self.run(self.loop.sleep(seconds))


def async_new_exchange(watchdog: Watchdog) -> AsyncExchange:
    """Return a new exchange of the running event loop."""
    exchange = running_loop().exchange(watchdog)
    if running_shell() is not None:
        from .notebook_interrupts import async_track_in_cell

        async_track_in_cell(exchange)
    return exchange
