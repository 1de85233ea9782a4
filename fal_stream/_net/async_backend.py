"""Connects for the HTTP library, in the asynchronous flavour."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from .async_exchange import AsyncExchange, under_way
from .async_socket import AsyncSocketStream
from .resolver import Address, Found, address_of, look_up


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
        """Connect to a host; each of its addresses is tried."""
        exchange = under_way()
        addresses = await _resolve(exchange, host, port)
        reason = "the name has no address"
        for left in range(len(addresses), 0, -1):
            patience = exchange.patience(is_last=left == 1)
            work = exchange.loop.connect(addresses[-left], patience)
            try:
                return AsyncSocketStream(await exchange.run(work, lambda wire: wire.close()))
            except OSError as error:
                reason = str(error)
        raise httpcore.ConnectError(f"{host}:{port}: {reason}")


async def _resolve(exchange: AsyncExchange, host: str, port: int) -> list[Address]:
    literal = address_of(host, port)
    if literal is not None:
        return [literal]

    def begin(deliver: Callable[[Found], None]) -> None:
        look_up(host, port, deliver)

    found = await exchange.delivery(begin)
    if isinstance(found, OSError):
        raise httpcore.ConnectError(f"{host}: {found}")
    return found
