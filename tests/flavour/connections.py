"""Connections made by each flavour, without anything above them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import anyio

from fal_stream._net.exchange import BaseExchange
from fal_stream._net.happy_eyeballs import async_connect, connect
from fal_stream._net.loops import running_loop
from fal_stream._net.sync_exchange import Exchange
from fal_stream._shared.watchdog import Limits, Watchdog
from tests.concurrency import HANG

T = TypeVar("T")

FLAVOURS = ("blocking", "asyncio", "uvloop", "trio")
LOOPS: dict[str, dict[str, Any]] = {
    "asyncio": {"backend": "asyncio"},
    "uvloop": {"backend": "asyncio", "backend_options": {"use_uvloop": True}},
    "trio": {"backend": "trio"},
}


def nothing(_: object) -> None:
    """What needs no doing."""


def peer_of(sock: socket.socket) -> str:
    """Return the address that a socket is connected to."""
    return str(sock.getpeername()[0])


@contextlib.contextmanager
def accepting() -> Iterator[int]:
    """Accept connections on this machine and close them; give the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join(HANG)


def connect_by(
    flavour: str,
    host: str,
    port: int,
    *,
    start: float | None = 20.0,
    timeout: float | None = None,
    begun: Callable[[BaseExchange], object] = nothing,
    look: Callable[[socket.socket], Any] = peer_of,
) -> Any:
    """Connect to a host, look at the socket, and close it.

    Args:
        flavour: One of `FLAVOURS`.
        host: The host.
        port: Its port.
        start: The limit in seconds.
        timeout: The limit for all addresses together.
        begun: Is given the exchange before it begins.
        look: Is given the socket.

    Returns:
        What was seen. Default: the address of the other side.
    """
    watchdog = Watchdog(Limits(start=start), time.monotonic)
    if flavour == "blocking":
        exchange = Exchange(watchdog)
        exchange.connect_timeout = timeout
        begun(exchange)
        with connect(exchange, host, port) as sock:
            return look(sock)

    async def run() -> Any:
        exchange = running_loop().exchange(watchdog)
        exchange.connect_timeout = timeout
        begun(exchange)
        wire = await async_connect(exchange, host, port)
        try:
            return look(wire.get_extra_info("socket"))
        finally:
            wire.close()

    return anyio.run(run, **LOOPS[flavour])
