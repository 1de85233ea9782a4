"""The HTTP client under ours: connection pools over our own network.

Redirects, cookies, limits and proxies of the HTTP library are off or done by hand: what it does
by itself could take the key to another host, or wait without a limit.
"""

from __future__ import annotations

import http.cookiejar
import logging
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpcore
import httpx

from .._net.async_backend import AsyncBackend
from .._net.proxies import proxy_for
from .._net.runtime import Lock
from ..credentials import Secret
from ..errors import ConfigError
from .connection import AsyncPoolConnection, IdleCount

KEEPALIVE_SECONDS = 5.0
MAX_IDLE_CONNECTIONS = 100

_logger = logging.getLogger("fal_stream")

# What it raises where a request can't be sent or its answer can't be understood.
BROKEN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


class _NoCookies(http.cookiejar.DefaultCookiePolicy):
    """Streams of one client don't share what a server may have set for one of them."""

    def set_ok(self, cookie: http.cookiejar.Cookie, request: object) -> bool:
        return False


class _Pool(httpcore.AsyncConnectionPool):
    """A pool that keeps no connection that has failed, and whose lock no Ctrl-C leaves locked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Its own is taken by a function of Python: an interruption at the end of that would leave
        # it locked, and each request to come would wait for it without an end.
        vars(self)["_optional_thread_lock"] = Lock()
        self._idle = IdleCount(MAX_IDLE_CONNECTIONS)

    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        return AsyncPoolConnection(super().create_connection(origin), self._idle)


def make_http_client() -> httpx.AsyncClient:
    """Make the HTTP client of one event loop."""
    client = httpx.AsyncClient(
        transport=AsyncPoolTransport(), timeout=None, trust_env=False, follow_redirects=False
    )
    client.cookies.jar.set_policy(_NoCookies())
    return client


class AsyncPoolTransport(httpx.AsyncBaseTransport):
    """Connection pools over our own network, one for each proxy and kind of address.

    A pool and its TLS settings, which take long to load, are made when they are first needed.
    """

    def __init__(self) -> None:
        self._backend = AsyncBackend()
        self._ssl_context: ssl.SSLContext | None = None
        self._pools: dict[tuple[bool, Secret | None], _Pool] = {}
        # Threads of a blocking client may need the same pool at the same time.
        self._lock = Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request by the pool that fits it."""
        url = request.url
        proxy_url = proxy_for(url.scheme, url.host)
        if proxy_url is not None:
            _logger.debug("Through the proxy that the environment names")
        with self._lock:
            pool = self._pool(url.scheme == "https", proxy_url)
        assert isinstance(request.stream, httpx.AsyncByteStream)
        response = await pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Stream(response),
            extensions=dict(response.extensions),
        )

    def _pool(self, is_https: bool, proxy_url: str | None) -> _Pool:
        # An address of a proxy may hold a password.
        key = (is_https, Secret(proxy_url) if proxy_url else None)
        if key not in self._pools:
            if is_https and self._ssl_context is None:
                self._ssl_context = _ssl_context()
            # No limit on connections: a wait for a free one could not be aborted. That on idle ones
            # is kept by the connections themselves.
            self._pools[key] = _Pool(
                ssl_context=self._ssl_context,
                proxy=_proxy(proxy_url) if proxy_url else None,
                max_connections=None,
                max_keepalive_connections=None,
                keepalive_expiry=KEEPALIVE_SECONDS,
                network_backend=self._backend,
            )
        return self._pools[key]

    async def aclose(self) -> None:
        """Close all connections."""
        with self._lock:
            pools = list(self._pools.values())
        for pool in pools:
            await pool.aclose()


def _ssl_context() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        reason = str(error)
    raise ConfigError(
        f"The authorities for TLS can't be loaded ({reason}): check the environment variables "
        "SSL_CERT_FILE and SSL_CERT_DIR"
    )


def _proxy(url: str) -> httpcore.Proxy:
    try:
        proxy = httpx.Proxy(url)
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None:
        raise ConfigError(
            "The environment names a proxy whose address can't be used (it is not shown here: it "
            "may hold a password): check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
        )
    return httpcore.Proxy(
        url=httpcore.URL(
            scheme=proxy.url.raw_scheme,
            host=proxy.url.raw_host,
            port=proxy.url.port,
            target=proxy.url.raw_path,
        ),
        auth=proxy.raw_auth,
    )


class _Stream(httpx.AsyncByteStream):
    """The body as the HTTP library would read it; of ours it reads the end only."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._response.aiter_stream():
            yield data

    async def aclose(self) -> None:
        await self._response.aclose()
