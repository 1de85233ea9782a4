"""Errors that say that `await` is missing, for the results of asynchronous methods.

If a coroutine is used like its result, Python only says "object is not subscriptable". So the
methods return another object, which raises better errors. It is awaited like a coroutine, and
frameworks accept it as one: `asyncio.create_task`, `start_soon` of trio and anyio, and
`inspect.iscoroutine` do. Awaiting it costs nothing extra, because its `__await__` returns the
coroutine's own iterator.

Type checkers don't see this object: for them the methods return coroutines.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from .flavour_hints import WrongFlavour

__all__ = ["async_result_hints", "result_hints"]

F = TypeVar("F", bound=Callable[..., Any])


class NotAwaited(WrongFlavour, AttributeError):
    """A result was used before it was awaited."""


class _Awaitable:
    """A coroutine that raises a helpful error if it is used like its result."""

    __slots__ = ("__weakref__", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    if not TYPE_CHECKING:
        # `isinstance` reads this, as for mocks.
        @property
        def __class__(self):
            return types.CoroutineType

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __repr__(self) -> str:
        return repr(self._coroutine)

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        # Attributes that tell about a coroutine are its own (`cr_frame`, `gi_code`,
        # `__qualname__`).
        if name.startswith(("_", "ag_", "cr_", "gi_")) or not self._is_new():
            return getattr(self._coroutine, name)
        # The coroutine isn't closed, because this may only be a call of `hasattr`.
        raise self._not_awaited()

    def _is_new(self) -> bool:
        return inspect.getcoroutinestate(self._coroutine) == inspect.CORO_CREATED

    def _refuse(self, *args: Any) -> NoReturn:
        if self._is_new():
            # Close it, so that Python doesn't warn that it was never awaited.
            self._coroutine.close()
        raise self._not_awaited()

    def _not_awaited(self) -> NotAwaited:
        name = getattr(self._coroutine, "__qualname__", "The method")
        return NotAwaited(
            f"{name}() was not awaited: write `await` before it; where its result is used, in "
            "parentheses, as in `(await stream.done())[...]`"
        )

    __getitem__ = __contains__ = __iter__ = __len__ = __add__ = __radd__ = _refuse
    __aiter__ = __enter__ = __exit__ = __aenter__ = __aexit__ = _refuse


# A `partial`, which `inspect` unwraps, so that the method is still a coroutine function with its
# own signature.
class _Method(functools.partial[Any]):
    """A coroutine method whose result raises a helpful error if it is not awaited."""

    def __call__(self, owner: object, *args: Any, **keywords: Any) -> Any:
        coroutine = super().__call__(owner, *args, **keywords)
        # The name in Python's messages, with the class that users know, which may inherit the
        # method.
        coroutine.__qualname__ = f"{type(owner).__qualname__}.{coroutine.__name__}"
        return _Awaitable(coroutine)

    def __get__(self, instance: object, owner: object = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)


def async_result_hints(method: F) -> F:
    """Return a coroutine method whose result raises a helpful error if it is not awaited."""
    return cast(F, functools.update_wrapper(_Method(method), method))


def result_hints(method: F) -> F:
    """Return a blocking method unchanged: there is nothing to await."""
    return method
