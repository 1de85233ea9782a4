"""A group of workers (tasks or threads), and a wait for their results, both flavours.

A worker must not raise anything but a cancellation.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from typing import Any, TypeAlias, TypeVar

from .._checks import short_repr
from ..errors import ConfigError, FalStreamError
from .event_loop import EventLoop
from .flavour_pairs import MAX_WAIT_SLICE
from .loops import running_loop
from .threads import may_wait_for_threads, start_named_thread

T = TypeVar("T")

StreamT = TypeVar("StreamT")

AsyncInputs: TypeAlias = AsyncIterable[T] | Iterable[T]
Inputs: TypeAlias = Iterable[T]

# A call that returns a result.
AsyncJob: TypeAlias = Callable[[], Awaitable[T]]
Job: TypeAlias = Callable[[], T]

# A function that reads a stream and returns its result.
AsyncResultReader: TypeAlias = Callable[[StreamT], Awaitable[T]]
ResultReader: TypeAlias = Callable[[StreamT], T]


class AsyncWorkerGroup:
    """Worker tasks of one event loop."""

    def __init__(self) -> None:
        self._loop: EventLoop | None = None
        self._cancels: dict[object, Callable[[], object]] = {}
        self._waiting: deque[Callable[[None], None]] = deque()

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a worker."""
        loop = self._loop_here()
        key = object()

        def end() -> None:
            self._cancels.pop(key, None)
            self.notify()

        self._cancels[key] = loop.spawn(work, end)

    def check_runs_here(self) -> None:
        """Check that the workers run in the running event loop.

        Raises:
            FalStreamError: They run in another one.
        """
        self._loop_here()

    def notify(self) -> None:
        """Make the waiters check their condition again; callable from any thread."""
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.popleft()(None)

    async def wait(self, is_ready: Callable[[], bool]) -> bool:
        """Wait until a condition holds, and return True; each `notify` checks it again."""
        loop = self._loop_here()

        def begin(wake: Callable[[None], None]) -> None:
            self._waiting.append(wake)
            # The condition may have become true before there was a waiter.
            if is_ready():
                wake(None)

        while not is_ready():
            await loop.wait_for_callback(begin)
        return True

    def can_close(self) -> bool:
        """Return whether the calling task may wait for the workers' end."""
        return True

    def interrupt(self) -> None:
        """Cancel the worker tasks; callable from any thread."""
        if self._loop is not None:
            self._loop.call_soon(self._cancel)

    def is_finished(self, blocked: int = 0) -> bool:
        """Return whether no worker is left."""
        return not self._cancels

    def _cancel(self) -> None:
        for cancel in list(self._cancels.values()):
            cancel()

    def _loop_here(self) -> EventLoop:
        loop = running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop != loop:
            raise FalStreamError(
                "The stream map runs in another event loop: iterate it there, or make one of its "
                "own for each loop"
            )
        return loop


class WorkerGroup:
    """Worker threads."""

    def __init__(self) -> None:
        # The threads that are working. `Thread.is_alive` and `join` are not used, because they wait
        # for locks that code interrupted by a signal handler may hold.
        self._working: set[object] = set()
        self._waiting: deque[threading.Lock] = deque()
        self._process = os.getpid()

    def start(self, work: Callable[[], None]) -> None:
        """Start a worker.

        Raises:
            StreamConnectionError: No thread can be started.
        """

        def run() -> None:
            key = object()
            self._working.add(key)
            try:
                work()
            finally:
                self._working.discard(key)
                self.notify()

        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=[run], daemon=True, name="fal_stream-worker"
        )
        start_named_thread(thread)

    def check_runs_here(self) -> None:
        """Check that the workers run in this process.

        Raises:
            FalStreamError: They run in the process that this one was forked from.
        """
        if self._process != os.getpid():
            raise FalStreamError(
                "The stream map runs in another process, which this one was forked from: make one "
                "of its own for each process"
            )

    def notify(self) -> None:
        """Make the waiters check their condition again; callable from any thread."""
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.popleft().release()

    def wait(self, is_ready: Callable[[], bool]) -> bool:
        """Wait until a condition holds, and return True; each `notify` checks it again."""
        while not is_ready():
            # Not a `Condition`, because a Ctrl-C could leave its lock locked.
            wake_lock = threading.Lock()
            wake_lock.acquire()
            self._waiting.append(wake_lock)
            # On Windows, Ctrl-C can't interrupt a wait without a timeout.
            while not is_ready() and not wake_lock.acquire(timeout=MAX_WAIT_SLICE):
                pass
        return True

    def can_close(self) -> bool:
        """Return whether the calling thread may wait for the workers' end."""
        return may_wait_for_threads()

    def interrupt(self) -> None:
        """Do nothing: the workers end when their streams are aborted."""

    def is_finished(self, blocked: int = 0) -> bool:
        """Return whether all workers have ended, except those that nothing can interrupt.

        Args:
            blocked: The number of workers that can't be interrupted, such as one that reads the
                user's inputs. Default 0.
        """
        return len(self._working) <= blocked or self._process != os.getpid()


def async_iterate_inputs(inputs: AsyncInputs[T]) -> AsyncIterator[T]:
    """Return an iterator over the inputs, which may be a plain or an asynchronous iterable.

    Raises:
        ConfigError: The inputs can't be iterated, or are a single input.
    """
    if isinstance(inputs, AsyncIterable):
        return aiter(inputs)
    return _AsyncInputIterator(iterate_inputs(inputs))


class _AsyncInputIterator(AsyncIterator[T]):
    def __init__(self, inputs: Iterator[T]) -> None:
        self._inputs = inputs

    async def __anext__(self) -> T:
        for input in self._inputs:
            return input
        raise StopAsyncIteration


def iterate_inputs(inputs: Inputs[T]) -> Iterator[T]:
    """Return an iterator over the inputs.

    Raises:
        ConfigError: The inputs can't be iterated, or are a single input.
    """
    # Checked at run time too, because not every user has a type checker.
    given: object = inputs
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, dict)):
        return iter(inputs)
    raise ConfigError(
        f"inputs={short_repr(inputs)} must be several inputs: give a list of them, or whatever "
        "else gives one after the other"
    )
