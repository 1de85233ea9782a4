"""The interface of an event loop: what fal_stream needs from asyncio or trio."""

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
    """A lock for tasks, which acquire it in the order in which they began to wait."""

    async def acquire(self) -> object:
        """Wait for the lock; if it is free, neither wait nor raise a cancellation."""

    def release(self) -> None:
        """Release the lock."""


class EventLoop(ABC):
    """One event loop; two objects are equal if they are of the same loop."""

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether the loop has ended."""

    @abstractmethod
    def call_soon(self, function: Callable[[], object]) -> None:
        """Schedule a function in the loop, from any thread; do nothing if the loop is closed."""

    @abstractmethod
    def current_task(self) -> object:
        """Return the running task."""

    @abstractmethod
    def current_task_or_none(self) -> object | None:
        """Return the running task, or None if there is none, or it may be another loop's."""

    @abstractmethod
    def lock(self) -> TaskLock:
        """Return a new lock."""

    @abstractmethod
    def exchange(self, watchdog: Watchdog) -> AsyncExchange:
        """Return a new exchange."""

    @abstractmethod
    def call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], object]:
        """Schedule a call of a function in the loop.

        Args:
            seconds: The delay (seconds).
            function: The function; it must not raise.

        Returns:
            A function that cancels the call; it may only be called in the loop.
        """

    @abstractmethod
    def on_end(self, function: Callable[[], None]) -> Callable[[], object]:
        """Register a function that is called in the loop when the loop ends.

        Args:
            function: The function; it must not raise. It may also be called when the function that
                this method returns is garbage-collected.

        Returns:
            A function that unregisters it, from any thread. The caller has to keep a reference.
        """

    @abstractmethod
    def is_task_cancelled(self) -> bool:
        """Return whether the running task is being cancelled."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""

    @abstractmethod
    async def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """Wait for a result that another thread or task delivers, and return it.

        Args:
            begin: Starts the work. Its argument is the callback for the result, which can be called
                from any thread at any time.
        """

    @abstractmethod
    def spawn(
        self, work: Callable[[], Coroutine[Any, Any, None]], end: Callable[[], None]
    ) -> Callable[[], object]:
        """Start a task.

        Args:
            work: The coroutine function to run; it must not raise anything but a cancellation.
            end: Is called when the task has ended, even if it was cancelled before it began.

        Returns:
            A function that cancels the task; it may only be called in the loop.
        """

    @abstractmethod
    async def stream_from_socket(self, sock: socket.socket) -> ByteStream[Any]:
        """Return a connection for a connected socket; close the socket if that fails."""

    @abstractmethod
    async def complete_despite_cancellation(
        self, work: Coroutine[Any, Any, T], interrupt: Callable[[], None]
    ) -> T:
        """Complete some short work even if the caller is cancelled, and return its result.

        Args:
            work: The work.
            interrupt: Makes the work fail soon; called if the caller is cancelled.
        """

    @abstractmethod
    async def run_with_timeout(self, seconds: float, work: Coroutine[Any, Any, object]) -> None:
        """Run some work, and cancel it if it is not complete after a number of seconds.

        Args:
            seconds: The limit (seconds); with 0, the work still runs up to its first wait.
            work: The work; an exception that it raises in time is raised here.
        """
