"""The HTTP client under ours: connection pools over our own network.

Redirects, cookies, limits and proxies of the HTTP library are off or done by hand: what it does
by itself could take the key to another host, or wait without a limit.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Callable

import httpcore
import httpx

from .._net.async_backend import AsyncBackend
from .._net.once import Once
from .._net.proxies import proxy_for
from .._net.runtime import Lock
from ..credentials import Secret
from ..errors import ConfigError
from .connection import AsyncConnections, AsyncPoolConnection
from .direct import AsyncDirectConnection

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


def _no_cookies(response: httpx.Response) -> None:
    """Streams of one client don't share what a server may have set for one of them."""


def make_http_client(tls: Once[ssl.SSLContext]) -> httpx.AsyncClient:
    """Make the HTTP client of one event loop.

    Args:
        tls: The TLS settings.
    """
    client = httpx.AsyncClient(
        transport=AsyncPoolTransport(tls), timeout=None, trust_env=False, follow_redirects=False
    )
    # A policy of the jar would do too, but each answer would be searched first.
    vars(client.cookies)["extract_cookies"] = _no_cookies
    return client


class AsyncPoolTransport(httpx.AsyncBaseTransport):
    """Connection pools over our own network, one for each proxy and kind of address.

    A pool is made when it is first needed.

    Args:
        tls: The TLS settings, which take long to load: those who send by it load them before.
    """

    def __init__(self, tls: Once[ssl.SSLContext]) -> None:
        self._backend = AsyncBackend()
        self._tls = tls
        self._pools: dict[tuple[bool, Secret | None], AsyncConnections] = {}
        # Threads of a blocking client may need the same pool at the same time.
        self._lock = Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request by the pool that fits it."""
        url = request.url
        proxy_url = proxy_for(url.scheme, url.host)
        if url.scheme not in ("http", "https"):
            raise httpcore.UnsupportedProtocol(f"{url.scheme}:// is neither http:// nor https://")
        if proxy_url is not None:
            _logger.debug("Through the proxy that the environment names")
        with self._lock:
            pool = self._pool(url.scheme == "https", proxy_url)
        assert isinstance(request.stream, httpx.AsyncByteStream)
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
        )
        connection = await pool.take(sent.url.origin)
        try:
            response = await connection.handle_async_request(sent)
            return httpx.Response(
                response.status,
                headers=response.headers,
                stream=_Stream(response, connection, pool),
                extensions=dict(response.extensions),
            )
        except BaseException:
            await pool.drop(connection)
            raise

    def _pool(self, is_https: bool, proxy_url: str | None) -> AsyncConnections:
        # An address of a proxy may hold a password.
        key = (is_https, Secret(proxy_url) if proxy_url else None)
        if key not in self._pools:
            tls = self._tls.get() if is_https else None
            if proxy_url is None:
                make = self._direct(tls)
            else:
                # The HTTP library's own pool would look at all connections for each request. It
                # only makes them here.
                make = httpcore.AsyncConnectionPool(
                    ssl_context=tls,
                    proxy=_proxy(proxy_url),
                    keepalive_expiry=KEEPALIVE_SECONDS,
                    network_backend=self._backend,
                ).create_connection
            self._pools[key] = AsyncConnections(make, MAX_IDLE_CONNECTIONS, KEEPALIVE_SECONDS)
        return self._pools[key]

    def _direct(
        self, tls: ssl.SSLContext | None
    ) -> Callable[[httpcore.Origin], httpcore.AsyncConnectionInterface]:
        def make(origin: httpcore.Origin) -> AsyncDirectConnection:
            return AsyncDirectConnection(origin, self._backend, tls, KEEPALIVE_SECONDS)

        return make

    @property
    def pools(self) -> list[AsyncConnections]:
        """The pools there are."""
        with self._lock:
            return list(self._pools.values())

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self.pools:
            await pool.aclose()


def load_tls() -> ssl.SSLContext:
    """Make the TLS settings; this reads the authorities from the disk.

    Raises:
        ConfigError: The authorities can't be loaded.
    """
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

    def __init__(
        self,
        response: httpcore.Response,
        connection: AsyncPoolConnection,
        pool: AsyncConnections,
    ) -> None:
        self._response = response
        self._connection = connection
        self._pool = pool
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for data in self._response.aiter_stream():
                yield data
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._response.aclose()
        except BaseException:
            # The HTTP library calls it free before it has made it so.
            await self._pool.drop(self._connection)
            raise
        await self._pool.give_back(self._connection)
