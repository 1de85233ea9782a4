"""Pairs of helpers that differ by flavour, such as `async_call` and `call`.

The hand-written core uses the `Async` and `async_` names; the generated core uses the others.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from typing_extensions import Self

from .._checks import is_async_function
from ..errors import ConfigError

T = TypeVar("T")

Lock = threading.Lock
"""The lock of both flavours: held only briefly, and never during a wait."""

# How often a wait that can't be woken checks for an abort (seconds).
MAX_WAIT_SLICE = 0.5


class AsyncStartable:
    """Something that `await` starts, such as a stream."""

    async def start(self) -> Self:
        """Start."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, Self]:
        return self.start().__await__()


class Startable:
    """Nothing: in a blocking program there is no `await`."""


def async_check_function(name: str, function: Callable[..., Any]) -> None:
    """Accept any function: `async_call` can call it."""


def check_function(name: str, function: Callable[..., Any]) -> None:
    """Check that `call` can call a function.

    Args:
        name: The name of the argument, for the message.
        function: The function.

    Raises:
        ConfigError: It is a coroutine function.
    """
    if is_async_function(function):
        raise _not_callable(name)


def _not_callable(name: str) -> ConfigError:
    return ConfigError(
        f"{name} is an async function, which a blocking client can't call: "
        "give a plain function, or use the async client"
    )


async def async_call(function: Callable[..., T | Awaitable[T]], *args: Any) -> T:
    """Call a function that may be a coroutine function, and return its result."""
    result = function(*args)
    if inspect.isawaitable(result):
        return await result
    return result


def call(function: Callable[..., T | Awaitable[T]], *args: Any) -> T:
    """Call a function and return its result; raise `ConfigError` if that is an awaitable."""
    return settle(function, function(*args))


async def async_settle(function: Callable[..., Any] | str, result: T | Awaitable[T]) -> T:
    """Return what a function has returned; if that is an awaitable, await it."""
    if inspect.isawaitable(result):
        return await result
    return result


def settle(function: Callable[..., Any] | str, result: T | Awaitable[T]) -> T:
    """Return what a function, or one of that name, has returned.

    Raises:
        ConfigError: It has returned an awaitable.
    """
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        name = getattr(function, "__qualname__", repr(function))
        raise _not_callable(function if isinstance(function, str) else name)
    return result


async def async_call_with_timeout(
    seconds: float, function: Callable[..., T | Awaitable[T]], *args: Any
) -> None:
    """Call a function that may be a coroutine function, which is cancelled after `seconds`."""
    from .loops import running_loop

    result = function(*args)
    if inspect.isawaitable(result):
        await running_loop().run_with_timeout(seconds, _awaited(result))


def call_with_timeout(
    seconds: float, function: Callable[..., T | Awaitable[T]], *args: Any
) -> None:
    """Call a function, which can't be interrupted."""
    call(function, *args)


async def _awaited(thing: Awaitable[T]) -> T:
    return await thing
