"""Connects for the HTTP library, in the blocking flavour."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from .resolver import Address, Found, address_of, look_up
from .sync_exchange import Exchange, under_way
from .sync_socket import SocketStream, is_ready
from .wire import begin_to_connect, check_connected


class Backend(httpcore.NetworkBackend):
    """Connects under the watchdog of the exchange under way."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> SocketStream:
        """Connect to a host; each of its addresses is tried."""
        exchange = under_way()
        addresses = _resolve(exchange, host, port)
        reason = "the name has no address"
        for left in range(len(addresses), 0, -1):
            address = addresses[-left]
            patience = exchange.patience(is_last=left == 1)
            try:
                return _connect(exchange, address, patience)
            except OSError as error:
                exchange.check()
                reason = str(error)
        raise httpcore.ConnectError(f"{host}:{port}: {reason}")


def _resolve(exchange: Exchange, host: str, port: int) -> list[Address]:
    literal = address_of(host, port)
    if literal is not None:
        return [literal]

    def begin(deliver: Callable[[Found], None]) -> None:
        look_up(host, port, deliver)

    found = exchange.delivery(begin)
    if isinstance(found, OSError):
        raise httpcore.ConnectError(f"{host}: {found}")
    return found


def _connect(exchange: Exchange, address: Address, patience: float | None) -> SocketStream:
    sock = begin_to_connect(address)

    def shut_down() -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def connected(seconds: float) -> bool | None:
        if is_ready(sock, selectors.EVENT_WRITE, seconds):
            return True
        if time.monotonic() > give_up_at:
            raise TimeoutError("no answer")
        return None

    try:
        exchange.attach(shut_down)
        give_up_at = float("inf") if patience is None else time.monotonic() + patience
        exchange.wait(connected)
        exchange.check()
        check_connected(sock)
        return SocketStream(sock)
    except BaseException:
        sock.close()
        raise
