"""Choose how a client's requests are sent: by our own transport, or by the user's HTTP client."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Protocol

from ..._checks import short_repr
from ...config import AnySettings
from ...errors import ConfigError
from .sender import AsyncSender


class AsyncHttpClient(Protocol):
    """The user's own HTTP client: an `httpx.AsyncClient` or an `httpx2.AsyncClient`."""

    @property
    def headers(self) -> Any:
        """The default headers."""
        raise NotImplementedError

    @property
    def is_closed(self) -> bool:
        """Whether the client is closed."""
        raise NotImplementedError

    async def send(
        self, request: Any, *, stream: bool = ..., auth: Any = ..., follow_redirects: Any = ...
    ) -> Any:
        """Send a request."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the client."""


def make_sender(client: AsyncHttpClient | None, config: AnySettings) -> AsyncSender:
    """Return the sender of a client's requests.

    Args:
        client: The user's own HTTP client, or None for connections of our own.
        config: The settings.

    Raises:
        ConfigError: `client` is not an HTTP client, or is one of the other flavour.
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
    """Return the package of an HTTP client, or None; nothing is imported to find it."""
    for name in ("httpx", "httpx2"):
        package = sys.modules.get(name)
        if package is not None and isinstance(client, package.AsyncClient):
            return package
    return None
