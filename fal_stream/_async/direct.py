"""A connection without a proxy: connected by our own network, spoken on by the HTTP library.

The library's own takes a lock at each step, for which it loads half of another library when the
first request goes out, and which is a round of an event loop each time. A connection of our pools
belongs to one request at a time, and needs none.
"""

from __future__ import annotations

import contextlib
import ssl

import httpcore

from .._net.async_backend import AsyncBackend


class AsyncDirectConnection(httpcore.AsyncConnectionInterface):
    """A connection that is made when its first request is sent.

    Args:
        origin: Where it goes to.
        backend: Connects.
        tls: The TLS settings, None for a plain connection.
        keep_seconds: How long it may be idle.
    """

    def __init__(
        self,
        origin: httpcore.Origin,
        backend: AsyncBackend,
        tls: ssl.SSLContext | None,
        keep_seconds: float,
    ) -> None:
        self._origin = origin
        self._backend = backend
        self._tls = tls
        self._keep_seconds = keep_seconds
        self._http: httpcore.AsyncHTTP11Connection | None = None

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request."""
        if self._http is None:
            self._http = httpcore.AsyncHTTP11Connection(
                self._origin, await self._connect(), self._keep_seconds
            )
            vars(self._http)["_state_lock"] = contextlib.nullcontext()
        return await self._http.handle_async_request(request)

    async def _connect(self) -> httpcore.AsyncNetworkStream:
        host = self._origin.host.decode("ascii")
        stream: httpcore.AsyncNetworkStream = await self._backend.connect_tcp(
            host, self._origin.port
        )
        if self._tls is not None:
            # What a server may choose from: HTTP/2 is not spoken here.
            self._tls.set_alpn_protocols(["http/1.1"])
            stream = await stream.start_tls(self._tls, host)
        return stream

    async def aclose(self) -> None:
        """Close it."""
        if self._http is not None:
            await self._http.aclose()

    def info(self) -> str:
        """Say what state it is in."""
        return "not connected" if self._http is None else self._http.info()

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """Tell whether it goes to an origin."""
        return origin == self._origin

    def is_available(self) -> bool:
        """Tell whether it can take a request."""
        return self._http is not None and self._http.is_available()

    def has_expired(self) -> bool:
        """Tell whether it has been idle for too long, or its server has closed it."""
        return self._http is not None and self._http.has_expired()

    def is_idle(self) -> bool:
        """Tell whether nobody uses it."""
        return self._http is not None and self._http.is_idle()

    def is_closed(self) -> bool:
        """Tell whether it is closed."""
        return self._http is not None and self._http.is_closed()
