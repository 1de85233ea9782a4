"""Connects for the HTTP library, in the blocking flavour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpcore

from .connecting import connect
from .sync_exchange import under_way
from .sync_socket import SocketStream


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
        """Connect to a host."""
        try:
            return SocketStream(connect(under_way(), host, port))
        except OSError as error:
            reason = str(error)
        raise httpcore.ConnectError(reason)
