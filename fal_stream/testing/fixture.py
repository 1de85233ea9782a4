"""The implementation of the pytest fixture `local_fal`.

Promises: after the test, everything is restored, including the module's own clients.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Protocol

from .._async import api as async_default
from .._async.client import AsyncStreamingClient
from .._sync import api as blocking_default
from .._sync.client import StreamingClient
from .server import LocalFal

__all__ = ["Patcher", "serve"]


class Patcher(Protocol):
    """An object with the methods of pytest's `MonkeyPatch` that are used here."""

    @property
    def setenv(self) -> Callable[[str, str], object]:
        """Set a variable of the environment."""
        raise NotImplementedError

    @property
    def setattr(self) -> Callable[[object, str, object], object]:
        """Set an attribute."""
        raise NotImplementedError


def serve(patcher: Patcher) -> Iterator[LocalFal]:
    """Run a server that clients find by environment variables.

    Args:
        patcher: Sets the variables, and restores them after the generator has ended.

    Yields:
        The server.

    Raises:
        Exception: A script raised it.
    """
    with LocalFal() as fal:
        for name, value in fal.environment.items():
            patcher.setenv(name, value)
        # The module's own clients have read the environment already, so they are replaced.
        blocking = functools.lru_cache(maxsize=1)(StreamingClient)
        asynchronous = functools.lru_cache(maxsize=1)(AsyncStreamingClient)
        patcher.setattr(blocking_default, "_default_client", blocking)
        patcher.setattr(async_default, "_default_async_client", asynchronous)
        yield fal
        if blocking.cache_info().currsize:
            blocking().close()
