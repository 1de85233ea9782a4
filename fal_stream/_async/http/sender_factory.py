"""Choose what sends a client's requests: our own transport, or the user's HTTP client."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Protocol

from ..._checks import short_repr
from ...config import AnySettings
from ...errors import ConfigError
from .sender import AsyncSender


class AsyncHttpClient(Protocol):
    """An HTTP client of the user's: an `AsyncClient` of httpx, or of httpx2."""

    @property
    def headers(self) -> Any:
        """The default headers."""
        raise NotImplementedError

    @property
    def is_closed(self) -> bool:
        """Whether it is closed."""
        raise NotImplementedError

    async def send(
        self, request: Any, *, stream: bool = ..., auth: Any = ..., follow_redirects: Any = ...
    ) -> Any:
        """Send a request."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close it."""


def make_sender(client: AsyncHttpClient | None, config: AnySettings) -> AsyncSender:
    """Return what sends the requests of a client.

    Args:
        client: An HTTP client of the user's, or None for connections of our own.
        config: The settings.

    Raises:
        ConfigError: It is no HTTP client, or one of the other flavour.
    """
    if client is None:
        return AsyncSender(config.keepalive_expiry)
    # Checked at run time too, because not every user has a type checker.
    package = _package_of(client)
    if package is None:
        raise ConfigError(
            f"http_client={short_repr(client)} must be an httpx.AsyncClient or an "
            "httpx2.AsyncClient"
        )
    from .httpx_client import AsyncHttpxSender

    return AsyncHttpxSender(client, package)


def _package_of(client: object) -> ModuleType | None:
    """Return the package that an HTTP client is of; whoever has one has loaded it."""
    for name in ("httpx", "httpx2"):
        package = sys.modules.get(name)
        if package is not None and isinstance(client, package.AsyncClient):
            return package
    return None
