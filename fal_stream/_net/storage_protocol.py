"""The interface of the user's storage object, and how it is called, both flavours side by side."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from .cancellation import async_in_thread
from .flavour_pairs import async_call, call


class AsyncStorage(Protocol):
    """An object that uploads files: a `StorageClient`, or one of the user's own."""

    def upload(self, file: Any, /) -> Awaitable[str] | str:
        """Upload a file and return its URL; may be a coroutine function or a plain one.

        Args:
            file: The file as it is in the input.

        Returns:
            The URL to send to the app.
        """
        raise NotImplementedError


class Storage(Protocol):
    """An object that uploads files: a `StorageClient`, or one of the user's own."""

    def upload(self, file: Any, /) -> str:
        """Upload a file and return its URL.

        Args:
            file: The file as it is in the input.

        Returns:
            The URL to send to the app.
        """
        raise NotImplementedError


async def async_call_storage(
    method: Callable[..., Any], argument: object, options: Mapping[str, Any]
) -> Any:
    """Call a method of a storage; a plain function runs in a thread, because it may wait."""
    run = partial(method, argument, **options)
    if inspect.iscoroutinefunction(method):
        return await run()
    result = await async_in_thread(run)
    return await async_call(lambda: result)


def call_storage(method: Callable[..., Any], argument: object, options: Mapping[str, Any]) -> Any:
    """Call a method of a storage."""
    return call(partial(method, argument, **options))
