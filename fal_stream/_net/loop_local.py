"""One value for each event loop (asynchronous flavour) or for the process (blocking flavour).

There is no lock, so that a signal handler can use the value at any time: each step is a single
operation on a dictionary, which the interpreter doesn't interrupt.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from .event_loop import EventLoop
from .loops import running_loop

T = TypeVar("T")


class AsyncLoopLocal(Generic[T]):
    """A value for each event loop: connections can't move from one to another."""

    def __init__(self, make: Callable[[], T], close: Callable[[T], None]) -> None:
        self._make = make
        self._close = close
        self._values: dict[EventLoop, tuple[T, Callable[[], object]]] = {}

    def get(self) -> T:
        """Return the value of the running loop; values of closed loops are removed."""
        loop = running_loop()
        kept = self._values.get(loop)
        if kept is not None:
            return kept[0]
        for other in self._values.copy():
            if other.is_closed:
                self._values.pop(other, None)
        value, close = self._make(), self._close
        # A weak reference; otherwise the event loop would keep the value alive as long as it runs.
        reference = weakref.ref(value)

        def end() -> None:
            left = reference()
            if left is not None:
                close(left)

        self._values[loop] = value, loop.on_end(end)
        return value

    async def aclose(self) -> None:
        """Close the value of the running loop."""
        kept = self._values.pop(running_loop(), None)
        if kept is not None:
            value, forget = kept
            forget()
            self._close(value)

    def __del__(self) -> None:
        for _, forget in getattr(self, "_values", {}).copy().values():
            forget()


class LoopLocal(Generic[T]):
    """A value for each process: a blocking program has no event loops."""

    def __init__(self, make: Callable[[], T], close: Callable[[T], None]) -> None:
        self._make = make
        self._close = close
        self._values: dict[int, T] = {}

    def get(self) -> T:
        """Return the value; a forked process gets its own."""
        process = os.getpid()
        value = self._values.get(process)
        if value is None:
            value = self._values.setdefault(process, self._make())
            # The parent process still uses its sockets, so its value is only dropped, not closed.
            self._values = {process: value}
        return value

    def close(self) -> None:
        """Close the value, if there is one."""
        value = self._values.pop(os.getpid(), None)
        if value is not None:
            self._close(value)
