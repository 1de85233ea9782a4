"""Find the running event loop, of asyncio or trio, and its cancellation exceptions."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from .event_loop import EventLoop

if TYPE_CHECKING:
    from .asyncio_loop import AsyncioLoop


def running_loop() -> EventLoop:
    """Return the running event loop.

    Raises:
        RuntimeError: No event loop is running.
    """
    # trio comes first, because it may run in guest mode on asyncio in the same thread.
    if "trio" in sys.modules:
        from .trio_loop import running_trio_loop

        loop = running_trio_loop()
        if loop is not None:
            return loop
    return _asyncio_loop().running()


def cancellations() -> tuple[type[BaseException], ...]:
    """Return the types of exception that a wait raises when its task is cancelled."""
    import asyncio

    if "trio" in sys.modules:
        import trio

        return (asyncio.CancelledError, trio.Cancelled)
    return (asyncio.CancelledError,)


@cache
def _asyncio_loop() -> type[AsyncioLoop]:
    # A blocking program doesn't need asyncio, whose import takes half as long as importing this
    # package.
    from .asyncio_loop import AsyncioLoop

    return AsyncioLoop
