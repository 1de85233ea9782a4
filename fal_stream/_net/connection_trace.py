"""Learn from httpx's `trace` extension which connection is opened for a request, both flavours.

In the blocking flavour, a request that is given up before its response began is left behind in a
thread. httpx's extension `trace` (https://www.python-httpx.org/advanced/extensions/#trace) reports
the connection that was opened for it, so it can be shut down, which ends the thread. For a request
on a connection that was used before, httpx reports nothing: its thread ends with the response, or
with httpx's own timeout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .sockets import shut_down, socket_of


class AsyncConnectionTrace:
    """Knows nothing, and needs nothing: a task is cancelled."""

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
            # Other requests share it, or may have taken it by now.
            self._sock = None
        elif event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete")):
            self._sock = socket_of(info.get("return_value"))
        elif event.endswith(".start_tls.complete"):
            self._sock = socket_of(info.get("return_value")) or self._sock
        if self._is_shut_down:
            shut_down(self._sock)

    def shut_down(self) -> None:
        """Shut the connection down, now or as soon as it is there."""
        self._is_shut_down = True
        shut_down(self._sock)
