"""Find the running event loop, of asyncio or trio, and its cancellation exceptions."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from .event_loop import EventLoop

if TYPE_CHECKING:
    from .asyncio_loop import AsyncioLoop


def running_loop() -> EventLoop:
    """Return the event loop that runs here.

    Raises:
        RuntimeError: None does.
    """
    # Before asyncio, because asyncio may run trio as a guest in the same thread.
    if "trio" in sys.modules:
        from .trio_loop import running_trio_loop

        loop = running_trio_loop()
        if loop is not None:
            return loop
    return _asyncio_loop().running()


def cancellations() -> tuple[type[BaseException], ...]:
    """Return what is raised in a task that was cancelled."""
    import asyncio

    if "trio" in sys.modules:
        import trio

        return (asyncio.CancelledError, trio.Cancelled)
    return (asyncio.CancelledError,)


@cache
def _asyncio_loop() -> type[AsyncioLoop]:
    # A blocking program doesn't need asyncio, whose import takes half as long as that of this
    # package.
    from .asyncio_loop import AsyncioLoop

    return AsyncioLoop
