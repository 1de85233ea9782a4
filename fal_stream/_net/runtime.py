"""What the core needs of a flavour's runtime, both flavours side by side.

The core is written against the `Async` and `async_` names; the generated one uses the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from typing_extensions import Self

from ..errors import ConfigError, FalStreamError

T = TypeVar("T")

Lock = threading.Lock
"""Held for moments only, and never in a wait: the same one for both flavours."""

# Where a wait can't be woken, it looks up this often (seconds).
SLICE = 0.5

AsyncCancelled = asyncio.CancelledError
"""Raised in a wait whose task was cancelled."""


class Cancelled(Exception):
    """Never raised: threads are not cancelled."""


def _reentered() -> FalStreamError:
    return FalStreamError(
        "A listener has asked its own stream for chunks, which would wait for itself: "
        "use the chunk that the listener was given, or ask from another task or thread"
    )


class AsyncTurn:
    """Who may read the stream: one task at a time, the others in the order they came."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._holder: asyncio.Task[Any] | None = None
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether no task has the turn or waits for it."""
        return self._holder is None and not self._waiting

    def is_mine(self) -> bool:
        """Tell whether the calling task has the turn."""
        return self._holder is not None and self._holder is asyncio.current_task()

    def check_reentry(self) -> None:
        """Raise an error where the calling task has the turn: it would wait for itself."""
        if self._holder is not None and self.is_mine():
            raise _reentered()

    async def __aenter__(self) -> None:
        self.check_reentry()
        self._settle_in(asyncio.get_running_loop())
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        self._holder = asyncio.current_task()

    async def __aexit__(self, *exc_info: object) -> None:
        self._holder = None
        self._lock.release()

    def _settle_in(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is loop:
            return
        if self._loop is not None and not self._loop.is_closed():
            raise FalStreamError(
                "The stream runs in another event loop: ask it there, or make a stream of its own "
                "for each loop"
            )
        # Of a loop that is gone nobody waits any more.
        self._loop, self._lock, self._holder, self._waiting = loop, asyncio.Lock(), None, 0


class Turn:
    """Who may read the stream: one thread at a time, the others in the order they came."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may come in while its thread holds the mutex.
        self._mutex = threading.RLock()
        self._holder: int | None = None
        self._queue: deque[tuple[int, threading.Event]] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether no thread has the turn or waits for it."""
        return self._holder is None

    def is_mine(self) -> bool:
        """Tell whether the calling thread has the turn."""
        return self._holder == threading.get_ident()

    def check_reentry(self) -> None:
        """Raise an error where the calling thread has the turn: it would wait for itself."""
        if self._holder is not None and self.is_mine():
            raise _reentered()

    def __enter__(self) -> None:
        me = threading.get_ident()
        self.check_reentry()
        with self._mutex:
            if self._holder is None:
                self._holder = me
                return
            place = (me, threading.Event())
            self._queue.append(place)
        try:
            # A wait without an end could not be interrupted by Ctrl-C on Windows.
            while not place[1].wait(SLICE):
                pass
        except BaseException:
            with self._mutex:
                if place in self._queue:
                    self._queue.remove(place)
                else:
                    self._pass_on()
            raise

    def __exit__(self, *exc_info: object) -> None:
        with self._mutex:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._queue:
            self._holder, granted = self._queue.popleft()
            granted.set()
        else:
            self._holder = None


class AsyncStartable:
    """Lets `await thing` start the thing, as a promise of JavaScript would."""

    async def start(self) -> Self:
        """Start."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, Self]:
        return self.start().__await__()


class Startable:
    """Nothing to await in a blocking program."""


def async_check_function(name: str, function: Callable[..., Any]) -> None:
    """Take any function: `async_call` can call it."""


def check_function(name: str, function: Callable[..., Any]) -> None:
    """Refuse a coroutine function, which `call` could not call.

    Args:
        name: The argument's name.
        function: The function.

    Raises:
        ConfigError: It is a coroutine function.
    """
    if inspect.iscoroutinefunction(function):
        raise _not_callable(name)


def _not_callable(name: str) -> ConfigError:
    return ConfigError(
        f"{name} is an async function, which a blocking client can't call: "
        "give a plain function, or use the async client"
    )


async def async_call(function: Callable[..., T | Awaitable[T]], *args: Any) -> T:
    """Call a function that may be a coroutine function."""
    result = function(*args)
    if inspect.isawaitable(result):
        return await result
    return result


def call(function: Callable[..., T | Awaitable[T]], *args: Any) -> T:
    """Call a function; one that gives an awaitable is refused."""
    result = function(*args)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise _not_callable(getattr(function, "__qualname__", repr(function)))
    return result


async def async_in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function that may take long, in a thread that nobody has to wait for."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    results: list[T] = []
    errors: list[BaseException] = []

    def settle() -> None:
        if not over.done():
            over.set_result(None)

    def run() -> None:
        try:
            results.append(function(*args))
        except BaseException as error:
            errors.append(error)
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle)

    # A daemon: those of asyncio's own pool would hold up the end of the program.
    threading.Thread(target=run, daemon=True, name="fal_stream-call").start()
    await over
    if errors:
        raise errors[0]
    return results[0]


def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function here and now: a blocking program waits in any case."""
    return function(*args)


async def async_shielded(
    work: Coroutine[Any, Any, T],
    interrupt: Callable[[], None],
    discard: Callable[[T], Coroutine[Any, Any, None]],
) -> T:
    """Do some work of the HTTP library where no cancellation can tear it apart.

    The library gives up a connection in several steps, and a second cancellation between them
    would leave it in the pool for good. So the work has a task of its own, which a cancellation
    only interrupts and then waits for.

    Args:
        work: The work.
        interrupt: Makes the work fail soon; called when the caller is cancelled.
        discard: Frees the result of work that was done when its caller was cancelled.

    Returns:
        What the work returns.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        interrupt()
        await outlast(task)
        if not task.cancelled() and task.exception() is None:
            await outlast(asyncio.ensure_future(discard(task.result())))
        raise


async def outlast(task: asyncio.Future[Any]) -> None:
    """Wait for a task however often the waiting one is cancelled; it is being cancelled anyway."""
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue


def shielded(work: T, interrupt: Callable[[], None], discard: Callable[[T], None]) -> T:
    """Give the result of work that a blocking program has done by now."""
    return work


class AsyncPerLoop(Generic[T]):
    """Keeps one thing for each event loop: connections can't move from one to another.

    Args:
        make: Makes the thing.
        close: Closes it.
    """

    def __init__(
        self, make: Callable[[], T], close: Callable[[T], Coroutine[Any, Any, None]]
    ) -> None:
        self._make = make
        self._close = close
        self._things: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}
        # Loops of several threads may share a client.
        self._lock = Lock()

    def get(self) -> T:
        """Give the thing of the running loop; those of closed loops are dropped."""
        loop = asyncio.get_running_loop()
        kept = self._things.get(loop)
        if kept is not None:
            return kept[0]
        thing = self._make()
        keeper = self._keep(loop, thing)
        with contextlib.suppress(StopIteration):
            keeper.asend(None).send(None)
        with self._lock:
            for other in [other for other in self._things if other.is_closed()]:
                del self._things[other]
            self._things[loop] = thing, keeper
        return thing

    async def _keep(self, loop: asyncio.AbstractEventLoop, thing: T) -> AsyncGenerator[None, None]:
        """Close the thing at the loop's end: a loop that ends closes its async generators."""
        try:
            yield
        finally:
            with self._lock:
                self._things.pop(loop, None)
            await self._close(thing)

    async def aclose(self) -> None:
        """Close what belongs to the running loop."""
        kept = self._things.get(asyncio.get_running_loop())
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
