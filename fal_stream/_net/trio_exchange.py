"""The exchange of trio: each wait has a cancel scope of its own.

Its deadline is the watchdog's, and an abort cancels it. No scope is kept longer than its wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import trio

from .._shared.watchdog import Watchdog
from .async_exchange import AsyncExchange, nothing
from .event_loop import EventLoop

T = TypeVar("T")


class TrioExchange(AsyncExchange):
    """See `AsyncExchange`; of trio."""

    def __init__(self, watchdog: Watchdog, loop: EventLoop) -> None:
        super().__init__(watchdog, loop)
        # More than one where the work that is waited for waits in turn.
        self._scopes: list[trio.CancelScope] = []

    def _interrupt(self) -> bool:
        for scope in self._scopes:
            scope.cancel()
        return bool(self._scopes)

    def progress(self) -> None:
        """See `BaseExchange`."""
        super().progress()
        for scope in self._scopes:
            scope.deadline = trio.current_time() + self.watchdog.remaining()

    async def wait(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Wait for something.

        Args:
            begin: Begins it.

        Returns:
            What it gives.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        scope = trio.CancelScope(deadline=trio.current_time() + self.watchdog.enter())
        self._scopes.append(scope)
        try:
            with scope:
                return await begin()
        finally:
            self._scopes.remove(scope)
            self.watchdog.leave()
        self.check()
        raise self.watchdog.next_expiry()

    async def run(self, work: Coroutine[Any, Any, T], undo: Callable[[T], Any] = nothing) -> T:
        """See `AsyncExchange`; a result that is there is never taken away here."""
        try:
            self.check()
            return await self.wait(lambda: work)
        finally:
            work.close()
