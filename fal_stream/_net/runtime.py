"""What the core needs of a flavour's runtime, both flavours side by side.

The core is written against the `Async` and `async_` names; the generated one uses the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from typing_extensions import Self

from ..errors import ConfigError

T = TypeVar("T")

Lock = threading.Lock
"""Held for moments only, and never in a wait: the same one for both flavours."""

# Where a wait can't be woken, it looks up this often (seconds).
SLICE = 0.5

AsyncCancelled = asyncio.CancelledError
"""Raised in a wait whose task was cancelled."""


class Cancelled(Exception):
    """Never raised: threads are not cancelled."""


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
