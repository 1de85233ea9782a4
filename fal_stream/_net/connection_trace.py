"""Find the connection of a request by httpx's `trace` extension, in both flavours.

In the blocking flavour, a request that is aborted before its response began keeps its thread
running. httpx's extension `trace` (https://www.python-httpx.org/advanced/extensions/#trace) reports
the connection that was opened for it, so the connection can be shut down, which ends the thread.
httpx reports no connection if the request uses one that was open already: then the thread ends when
the response comes, or at httpx's own timeout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .sockets import shut_down, socket_of


class AsyncConnectionTrace:
    """Does nothing: the task of a request is cancelled instead."""

    @property
    def extensions(self) -> dict[str, Any]:
        """The extensions of the request."""
        return {}

    def shut_down(self) -> None:
        """Do nothing."""


class ConnectionTrace:
    """The connection that was opened for one request."""

    def __init__(self) -> None:
        self._sock: Any = None
        self._is_shut_down = False

    @property
    def extensions(self) -> dict[str, Any]:
        """The extensions of the request."""
        return {"trace": self._note}

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        if event.startswith("http2.") or event.endswith("response_closed.complete"):
            # Other requests share the connection, or may have acquired it by now.
            self._sock = None
        elif event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete")):
            self._sock = socket_of(info.get("return_value"))
        elif event.endswith(".start_tls.complete"):
            self._sock = socket_of(info.get("return_value")) or self._sock
        if self._is_shut_down:
            shut_down(self._sock)

    def shut_down(self) -> None:
        """Shut the connection down, now or as soon as it is opened."""
        self._is_shut_down = True
        shut_down(self._sock)
