"""What belongs to an event loop, or to a process; both flavours side by side."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from .event_loop import EventLoop
from .running import running_loop
from .runtime import Lock

T = TypeVar("T")


class AsyncPerLoop(Generic[T]):
    """Keeps one thing for each event loop: connections can't move from one to another.

    Args:
        make: Makes the thing.
        close: Closes it.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], None]) -> None:
        self._make = make
        self._close = close
        self._things: dict[EventLoop, tuple[T, AsyncGenerator[None, None]]] = {}
        # Loops of several threads may share a client.
        self._lock = Lock()

    def get(self) -> T:
        """Give the thing of the running loop; those of closed loops are dropped."""
        loop = running_loop()
        kept = self._things.get(loop)
        if kept is not None:
            return kept[0]
        thing = self._make()
        keeper = self._keep(loop, thing)
        with contextlib.suppress(StopIteration):
            keeper.asend(None).send(None)
        with self._lock:
            for other in [other for other in self._things if other.is_closed]:
                del self._things[other]
            self._things[loop] = thing, keeper
        return thing

    async def _keep(self, loop: EventLoop, thing: T) -> AsyncGenerator[None, None]:
        """Close the thing at the loop's end: a loop that ends closes its async generators."""
        try:
            yield
        finally:
            with self._lock:
                self._things.pop(loop, None)
            self._close(thing)

    async def aclose(self) -> None:
        """Close what belongs to the running loop."""
        kept = self._things.get(running_loop())
        if kept is not None:
            await kept[1].aclose()


class PerLoop(Generic[T]):
    """Keeps one thing: a blocking program has no event loops.

    Args:
        make: Makes the thing.
        close: Closes it.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], None]) -> None:
        self._make = make
        self._close = close
        self._lock = Lock()
        self._things: list[T] = []
        self._process = os.getpid()

    def get(self) -> T:
        """Give the thing; a forked process has one of its own."""
        if self._process != os.getpid():
            # The parent goes on with its sockets: they are dropped here, and not shut down.
            self._process, self._lock, self._things = os.getpid(), Lock(), []
        with self._lock:
            if not self._things:
                self._things.append(self._make())
            return self._things[0]

    def close(self) -> None:
        """Close the thing, if there is one."""
        with self._lock:
            things, self._things = self._things, []
        for thing in things:
            self._close(thing)
