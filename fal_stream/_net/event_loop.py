"""The interface of an event loop: what fal_stream needs of asyncio or trio."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .._shared.watchdog import Watchdog
from .byte_stream import ByteStream

if TYPE_CHECKING:
    from .async_exchange import AsyncExchange

T = TypeVar("T")


class TaskLock(Protocol):
    """Held by one task at a time, the others in the order they came."""

    async def acquire(self) -> object:
        """Wait for it; no wait and no cancellation where nobody has it."""

    def release(self) -> None:
        """Hand it on."""


class EventLoop(ABC):
    """One event loop; two of these are equal where the loop is the same."""

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether nothing runs in it any more."""

    @abstractmethod
    def call_soon(self, function: Callable[[], object]) -> None:
        """Call a function in the loop, from whatever thread; not at all where it is closed."""

    @abstractmethod
    def current_task(self) -> object:
        """Return the task that runs."""

    @abstractmethod
    def current_task_or_none(self) -> object | None:
        """Return the task that runs here, None where it may not be one of this loop."""

    @abstractmethod
    def lock(self) -> TaskLock:
        """Make a lock."""

    @abstractmethod
    def exchange(self, watchdog: Watchdog) -> AsyncExchange:
        """Make an exchange."""

    @abstractmethod
    def call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], object]:
        """Have a function called in the loop later.

        Args:
            seconds: How much later.
            function: The function; it raises nothing.

        Returns:
            A function that cancels it, callable in the loop only.
        """

    @abstractmethod
    def on_end(self, function: Callable[[], None]) -> Callable[[], object]:
        """Have a function called when the loop ends, in the loop.

        Args:
            function: The function; it raises nothing. It may be called when what this returns is
                collected, too.

        Returns:
            A function to keep until then; called from any thread, it makes the loop forget.
        """

    @abstractmethod
    def is_task_cancelled(self) -> bool:
        """Return whether the running task is to end by a cancellation."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""

    @abstractmethod
    async def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """Wait for something that another thread or task delivers.

        Args:
            begin: Is given the function to deliver by, callable from any thread at any time.

        Returns:
            What was delivered.
        """

    @abstractmethod
    def spawn(
        self, work: Callable[[], Coroutine[Any, Any, None]], end: Callable[[], None]
    ) -> Callable[[], object]:
        """Begin some work in the background, which raises nothing but a cancellation.

        Args:
            work: The work.
            end: Called when it is over, begun or not.

        Returns:
            A function that cancels it, callable in the loop only.
        """

    @abstractmethod
    async def stream_from_socket(self, sock: socket.socket) -> ByteStream[Any]:
        """Return the connection of a connected socket, which is closed where that fails."""

    @abstractmethod
    async def complete_despite_cancellation(
        self, work: Coroutine[Any, Any, T], interrupt: Callable[[], None]
    ) -> T:
        """Do some short work to its end, also where the caller is or gets cancelled.

        Args:
            work: The work.
            interrupt: Makes the work fail soon.

        Returns:
            What the work returns.
        """

    @abstractmethod
    async def run_with_timeout(self, seconds: float, work: Coroutine[Any, Any, object]) -> None:
        """Do some work for so many seconds at most, after which it is cancelled.

        Args:
            seconds: How long it may take; with 0 it is begun, and gets as far as its first wait.
            work: The work; what it raises in time is raised.
        """
