"""Connects for the HTTP library, in the asyncio flavour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from .async_exchange import AsyncExchange, under_way
from .async_socket import AsyncSocketStream, Receiver
from .resolver import Found, address_of, look_up


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
        hosts = await _resolve(exchange, host, port)
        reason = "the name has no address"
        for left in range(len(hosts), 0, -1):
            try:
                work = _open(hosts[-left], port, exchange.patience(is_last=left == 1))
                transport, receiver = await exchange.run(work, lambda made: made[0].abort())
                return AsyncSocketStream(transport, receiver)
            except OSError as error:
                reason = str(error)
        raise httpcore.ConnectError(f"{host}:{port}: {reason}")


async def _open(host: str, port: int, patience: float | None) -> tuple[asyncio.Transport, Receiver]:
    loop = asyncio.get_running_loop()
    try:
        made = await asyncio.wait_for(loop.create_connection(Receiver, host, port), patience)
    except asyncio.TimeoutError:
        raise TimeoutError("no answer") from None
    return made


async def _resolve(exchange: AsyncExchange, host: str, port: int) -> list[str]:
    if address_of(host, port) is not None:
        return [host]

    def begin(deliver: Callable[[Found], None]) -> None:
        look_up(host, port, deliver)

    found = await exchange.delivery(begin)
    if isinstance(found, OSError):
        raise httpcore.ConnectError(f"{host}: {found}")
    return [str(address.target[0]) for address in found]
