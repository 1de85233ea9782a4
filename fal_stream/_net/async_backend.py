"""Connects for the HTTP library, in the asynchronous flavour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpcore

from .async_exchange import under_way
from .async_socket import AsyncSocketStream
from .connecting import async_connect


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Connects under the watchdog of the exchange under way."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncSocketStream:
        """Connect to a host."""
        try:
            return AsyncSocketStream(await async_connect(under_way(), host, port))
        except OSError as error:
            reason = str(error)
        raise httpcore.ConnectError(reason)
