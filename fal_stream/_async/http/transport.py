"""The httpx transport: choose or open the connection for each request, and send it once.

Promises: a request is sent once. It is sent over a second connection only if the first one came
from the pool and had been closed before the first byte of the request was sent. Each step obeys the
timeouts and the abort of the exchange in `request.extensions["exchange"]`; without an exchange, it
obeys httpx's own `request.extensions["timeout"]`.

Not here: redirects and our own errors (`sender`), and the choice of a proxy (`_net/proxies`).
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from ..._net.async_exchange import AsyncExchange, async_new_exchange
from ..._net.async_socket import AsyncSocketStream, async_open_socket_stream
from ..._net.exchange import Aborted
from ..._net.loop_local import AsyncLoopLocal
from ..._net.proxies import proxy_for
from ..._net.tls_context import async_tls_context, load_tls_context
from ..._shared.framing import FramingError
from ..._shared.http1 import ProtocolError, RequestHead, request_head
from ..._shared.redact import Redactor
from ..._shared.watchdog import Expired, Limits, Watchdog
from ..._signal_errors import raised_by_signal_handler, suppress_errors
from ...config import DEFAULT_KEEPALIVE_EXPIRY
from ...credentials import Secret
from ...errors import excerpt
from .connection import NO_RESPONSE, AsyncConnection, AsyncResponseBody
from .pool import AsyncConnectionPool, Route
from .proxy import Proxy, ProxyRefused

if TYPE_CHECKING:
    from .request_body import AsyncStreamedBody

_PORTS = {"http": 80, "https": 443}

# The lengths that DNS allows (RFC 1035, section 2.3.4).
_HOST = re.compile(r"(?=.{1,254}\Z)(?:[^.]{1,63}\.)*[^.]{1,63}\.?")


class AsyncHTTPTransport(httpx.AsyncBaseTransport):
    """Sends requests over HTTP/1.1.

    Args:
        keepalive_expiry: How long an idle connection is kept (seconds). Default 5.
    """

    def __init__(self, keepalive_expiry: float = DEFAULT_KEEPALIVE_EXPIRY) -> None:
        self._pools: AsyncLoopLocal[AsyncConnectionPool] = AsyncLoopLocal(
            partial(AsyncConnectionPool, keepalive_expiry), AsyncConnectionPool.close
        )

    @property
    def pool(self) -> AsyncConnectionPool:
        """The connection pool of the running event loop."""
        return self._pools.get()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for the head of its response.

        Returns:
            The response; its stream has to be closed.

        Raises:
            httpx.TransportError: No response came.
            ConfigError: The proxy, or the certificate authorities, can't be used.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        exchange = request.extensions.get("exchange")
        if isinstance(exchange, AsyncExchange):
            return await self._handle(request, exchange)
        watchdog = Watchdog(_limits(request.extensions.get("timeout") or {}), time.monotonic)
        try:
            response = await self._handle(request, async_new_exchange(watchdog))
        except Expired as expired:
            raise httpx.ReadTimeout(f"no answer came in {expired.seconds:g} s") from None
        watchdog.on_start()
        return response

    async def _handle(self, request: httpx.Request, exchange: AsyncExchange) -> httpx.Response:
        route, proxy = _route(request.url)
        head = _head(request, None if route.scheme == "https" else proxy)
        body, more = _body(request, head.body_length)
        if more is not None:
            body = await more.read()
        pool = self._pools.get()
        exchange.bytes_sent = 0
        while True:
            connection = await self._idle_connection(pool, route, exchange)
            was_idle = connection is not None
            if connection is None:
                connection = await self._connect(route, proxy, exchange)
                pool.add(connection)
            try:
                response, rest = await connection.round_trip(head, body, more)
                stream = AsyncResponseBody(
                    connection, pool, exchange, response, request.method, rest
                )
            except BaseException as error:
                connection.close()
                if (
                    not isinstance(error, (OSError, ProtocolError, FramingError))
                    or (more is not None and error is more.failure)
                    or raised_by_signal_handler(error) is not None
                ):
                    raise
                if isinstance(error, OSError) and was_idle and not exchange.bytes_sent:
                    continue
                raise _broken(error) from None
            return httpx.Response(
                response.status,
                headers=response.headers,
                stream=stream,
                extensions={
                    "http_version": b"HTTP/1.1",
                    "network_stream": stream,
                    "reason_phrase": response.reason,
                },
            )

    async def _idle_connection(
        self, pool: AsyncConnectionPool, route: Route, exchange: AsyncExchange
    ) -> AsyncConnection | None:
        """Return an idle connection that still works, or None.

        If a connection to the same route is being opened in advance, wait for it first.
        """
        while True:
            while (connection := pool.acquire(route)) is not None:
                try:
                    connection.stream.attach(exchange)
                    is_reusable = await connection.stream.is_reusable()
                except BaseException:
                    connection.close()
                    raise
                if is_reusable:
                    return connection
                connection.close()
            if not pool.is_preconnecting(route):
                return None
            await exchange.wait_for_callback(partial(pool.join_preconnect, route))

    async def _connect(
        self, route: Route, proxy: Proxy | None, exchange: AsyncExchange
    ) -> AsyncConnection:
        is_https = route.scheme == "https"
        if is_https or (proxy is not None and proxy.scheme == "https"):
            # A thread loads the certificate authorities while the socket is being opened.
            load_tls_context()
        if proxy is not None and is_https and proxy.scheme == "https":
            raise httpx.ProxyError(
                "a proxy with an https address can't be used for an https address: give it an "
                "http:// or socks5:// address, or an http_client of your own that can"
            )
        if _HOST.fullmatch(route.host) is None:
            # A proxy would look it up, but TLS and SOCKS can't name it.
            raise httpx.ConnectError(f"{excerpt(route.host, 80)!r} is not a valid host name")
        host, port = (route.host, route.port) if proxy is None else (proxy.host, proxy.port)
        stream: AsyncSocketStream | None = None
        step = "" if proxy is None else "the proxy "
        try:
            stream = await async_open_socket_stream(exchange, host, port)
            step = ""
            if proxy is not None:
                if proxy.scheme == "https":
                    step = "TLS with the proxy: "
                    await stream.start_tls(await async_tls_context(exchange), proxy.host)
                    step = ""
                if proxy.is_socks or is_https:
                    await proxy.tunnel(stream, route.host, route.port)
            if is_https:
                await stream.start_tls(await async_tls_context(exchange), route.host)
        except ProxyRefused as error:
            failure: httpx.TransportError = httpx.ProxyError(str(error))
        except OSError as error:
            if raised_by_signal_handler(error) is not None:
                if stream is not None:
                    stream.close()
                raise
            failure = httpx.ConnectError(f"{step}{str(error) or type(error).__name__}")
        except BaseException:
            if stream is not None:
                stream.close()
            raise
        else:
            return AsyncConnection(stream, route)
        if stream is not None:
            stream.close()
        if is_https and isinstance(failure, httpx.ConnectError):
            # If the certificate authorities can't be loaded, that is the error to raise.
            with suppress_errors(OSError):
                await async_tls_context(exchange)
        raise failure

    async def preconnect(self, url: httpx.URL, exchange: AsyncExchange) -> None:
        """Open a connection to an origin and keep it for the next request there.

        Args:
            url: Any URL of that origin.
            exchange: Applies the timeouts and the abort.

        Raises:
            httpx.TransportError: The connection can't be opened.
            ConfigError: The proxy, or the certificate authorities, can't be used.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        route, proxy = _route(url)
        pool = self._pools.get()
        connection = await self._idle_connection(pool, route, exchange)
        pool.begin_preconnect(route)
        try:
            if connection is None:
                connection = await self._connect(route, proxy, exchange)
                pool.add(connection)
            if not exchange.detach():
                connection.close()
                raise Aborted
            pool.release(connection)
        finally:
            pool.end_preconnect(route)

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        await self._pools.aclose()


def _route(url: httpx.URL) -> tuple[Route, Proxy | None]:
    scheme, host = url.scheme, url.raw_host.decode("ascii")
    if scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"{scheme}:// is neither http:// nor https://")
    port = url.port or _PORTS[scheme]
    proxy_url: Any = proxy_for(scheme, host, port)
    if proxy_url is None:
        return Route(scheme, host, port, None), None
    # The URL may contain a password, so no variable may hold it where a traceback could show it.
    proxy_url = Secret(proxy_url)
    return Route(scheme, host, port, proxy_url), Proxy(proxy_url)


def _head(request: httpx.Request, proxy: Proxy | None) -> RequestHead:
    """Return the head of a request, with the whole URL as its target if a proxy forwards it.

    RFC 9112, section 3.2.2 requires that form.
    """
    url = request.url
    target, headers = url.raw_path, request.headers.raw
    if proxy is not None and not proxy.is_socks:
        target = b"%b://%b%b" % (url.raw_scheme, url.netloc, target)
        headers = [*headers, *proxy.headers]
        redactor = request.extensions.get("redactor")
        if isinstance(redactor, Redactor):
            redactor.add_login(proxy.login)
    try:
        return request_head(request.method, target, url.netloc, headers)
    except ProtocolError as error:
        reason = str(error)
    raise httpx.LocalProtocolError(reason)


def _body(request: httpx.Request, length: int | None) -> tuple[bytes, AsyncStreamedBody | None]:
    """Return the framed body of a request, or no bytes and an object that reads the body.

    Args:
        request: The request.
        length: The value of `Content-Length` (bytes), or None for chunked coding.
    """
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        body = b"".join(stream)
        if len(body) != length:
            from .request_body import framed

            body = framed(body, length)
        return body, None
    # Imported here, because most requests don't need it.
    from .request_body import AsyncStreamedBody

    assert isinstance(stream, httpx.AsyncByteStream)
    return b"", AsyncStreamedBody(stream, length)


def _broken(error: Exception) -> httpx.TransportError:
    reason = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLEOFError) or (
        # Python 3.11.2 raises an SSLError of no special type.
        isinstance(error, ssl.SSLError) and error.reason == "UNEXPECTED_EOF_WHILE_READING"
    ):
        # The end of the connection; OpenSSL names the closing alert that is missing.
        reason = NO_RESPONSE
    if isinstance(error, OSError):
        return httpx.ReadError(reason)
    return httpx.RemoteProtocolError(f"it is not valid HTTP: {reason}")


def _limits(timeout: Mapping[str, Any]) -> Limits:
    """Return our limits for httpx's timeouts.

    httpx limits connecting, writing and reading separately; we have one limit for all of them up to
    the response head, which is their sum.
    """
    parts: list[float | None] = [timeout.get(name) for name in ("connect", "write", "read")]
    known = [seconds for seconds in parts if seconds is not None]
    start = sum(known) if len(known) == len(parts) else None
    return Limits(start=start, idle=timeout.get("read"))
