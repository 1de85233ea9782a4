"""Which event loop runs here."""

from __future__ import annotations

import asyncio
import sys

from .asyncio_loop import AsyncioLoop
from .event_loop import EventLoop


def running_loop() -> EventLoop:
    """Give the event loop that runs here.

    Raises:
        RuntimeError: None does.
    """
    # Before asyncio, which may be the host of trio in the same thread.
    if "trio" in sys.modules:
        from .trio_loop import running_trio_loop

        loop = running_trio_loop()
        if loop is not None:
            return loop
    return AsyncioLoop(asyncio.get_running_loop())


def cancellations() -> tuple[type[BaseException], ...]:
    """Give what is raised in a task that was cancelled."""
    if "trio" in sys.modules:
        import trio

        return (asyncio.CancelledError, trio.Cancelled)
    return (asyncio.CancelledError,)
