"""Follow redirects and turn httpx's exceptions into our own, for the requests of one client.

Promises: a redirect is followed only within the same origin, so that neither the key nor the input
goes elsewhere. No exception of httpx leaves this module. Nothing is imported or opened before the
first request.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx

from ..._checks import safe_repr
from ..._net.async_exchange import AsyncExchange
from ..._net.weak_registry import WeakRegistry
from ..._shared.connection_hints import hint_for
from ..._shared.endpoint import same_origin
from ..._shared.prepared_request import PreparedRequest
from ..._shared.redact import Redactor
from ..._signal_errors import raised_by_signal_handler
from ...errors import ConfigError, StreamConnectionError, excerpt

if TYPE_CHECKING:
    from .response import AsyncStreamResponse
    from .transport import AsyncHTTPTransport

MAX_REDIRECTS = 5


class AsyncSender:
    """Sends the requests of one client over connections of our own.

    Args:
        keepalive_expiry: How long an idle connection is kept (seconds).

    Attributes:
        piece_bytes: The size of the pieces in which the body of an upload is best sent (bytes).
    """

    piece_bytes = 1024 * 1024

    def __init__(self, keepalive_expiry: float) -> None:
        self._keepalive_expiry = keepalive_expiry
        self._exchanges: WeakRegistry[AsyncExchange] = WeakRegistry()
        self._transports: list[AsyncHTTPTransport] = []
        self._closed = False

    def check_copyable(self) -> None:
        """Raise an error if the client can't be copied or pickled.

        Raises:
            ConfigError: The client uses the user's own HTTP client.
        """

    def register(self, exchange: AsyncExchange) -> None:
        """Register a new exchange, so that closing the client aborts it.

        Raises:
            ConfigError: The client is closed.
        """
        self._exchanges.add(exchange)
        if self._closed:
            self.unregister(exchange)
            raise _closed()

    def unregister(self, exchange: AsyncExchange) -> None:
        """Unregister an exchange that has ended without a response."""
        exchange.detach()
        self._exchanges.discard(exchange)

    @property
    def transport(self) -> AsyncHTTPTransport:
        """The transport, which is created for the first request."""
        if not self._transports:
            from .transport import AsyncHTTPTransport

            # If two threads each create one, both use the first.
            self._transports.append(AsyncHTTPTransport(self._keepalive_expiry))
        return self._transports[0]

    async def request(
        self, request: PreparedRequest, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        """Send a request and wait for the head of its response.

        Args:
            request: What to send.
            exchange: Applies the timeouts and the abort.

        Returns:
            The response, whatever its status.

        Raises:
            StreamConnectionError: No response came.
            ConfigError: The URL can't be used, or the client was closed.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        for _ in range(MAX_REDIRECTS + 1):
            redactor = Redactor(request.url, request.headers)
            response = await self._request_once(request, exchange, redactor)
            redirected = request.at(
                redirect_target(request.method, request.url, response.status, response.headers)
            )
            if redirected is None:
                return response
            await response.discard()
            if redirected.url.partition("#")[0] == request.url.partition("#")[0]:
                raise StreamConnectionError(
                    f"The server answered {response.status} with a redirect to the same address "
                    "that was requested: this is a fault of the server, or of a proxy in between",
                    transient=False,
                )
            request = redirected
        raise StreamConnectionError(f"The server redirected more than {MAX_REDIRECTS} times")

    async def _request_once(
        self, request: PreparedRequest, exchange: AsyncExchange, redactor: Redactor
    ) -> AsyncStreamResponse:
        from .connection import AsyncResponseBody
        from .response import AsyncSocketResponse

        sent = build_request(request)
        sent.extensions = {"exchange": exchange, "redactor": redactor}
        try:
            response = await self.transport.handle_async_request(sent)
        except httpx.TransportError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            is_sent = exchange.bytes_sent > 0
            failure = no_response_error(request.url, str(error), redactor, sent=is_sent)
            if isinstance(error, httpx.ProxyError):
                failure.transient = False
        else:
            body = response.stream
            assert isinstance(body, AsyncResponseBody)
            headers = response.headers.raw
            return AsyncSocketResponse(response.status_code, headers, exchange, redactor, body)
        raise failure

    async def preconnect(self, url: str, exchange: AsyncExchange) -> None:
        """Open a connection and keep it for the next request to the same origin.

        Args:
            url: Any URL of that origin.
            exchange: Applies the timeouts and the abort.

        Raises:
            StreamConnectionError: The connection can't be opened.
            ConfigError: The URL, the proxy or the certificate authorities can't be used.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        try:
            await self.transport.preconnect(parse_url(url), exchange)
        except httpx.TransportError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            failure = no_response_error(url, str(error), Redactor(url, {}), sent=False)
        else:
            return
        raise failure

    async def aclose(self) -> None:
        """Abort the running exchanges, and close the connections of the running event loop."""
        self._closed = True
        for exchange in self._exchanges.members:
            exchange.abort()
        for transport in self._transports:
            await transport.aclose()


def _closed() -> ConfigError:
    return ConfigError("The client is closed: make a new one")


class _AsyncBody(httpx.AsyncByteStream):
    """A body that is read while it is sent; httpx's own class would leave generators unclosed."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._pieces)


class HiddenRequest(httpx.Request):
    """A request whose repr leaves out the query, which may contain a token."""

    @safe_repr
    def __repr__(self) -> str:
        url = self.url
        query = "?***" if url.query else ""
        return (
            f"<Request({self.method!r}, '{url.scheme}://{url.netloc.decode()}{url.path}{query}')>"
        )


def build_request(request: PreparedRequest) -> httpx.Request:
    """Return an `httpx.Request` with the headers of a request, and none of httpx's defaults.

    Raises:
        ConfigError: The URL can't be used.
    """
    body = request.body
    headers = [
        (name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()
    ]
    stream: httpx.ByteStream | httpx.AsyncByteStream
    if body is None or isinstance(body, bytes):
        if "content-length" not in request.headers and (body or request.method != "GET"):
            headers.append((b"content-length", b"%d" % len(body or b"")))
        stream = httpx.ByteStream(body or b"")
    else:
        assert isinstance(body, AsyncIterable)
        stream = _AsyncBody(body)
    return HiddenRequest(request.method, parse_url(request.url), headers=headers, stream=stream)


def parse_url(url: str) -> httpx.URL:
    """Return a URL as an `httpx.URL`.

    Raises:
        ConfigError: The URL can't be used.
    """
    try:
        # A query may contain a token, which must not be cached.
        return _parse(url) if "?" in url else _parse_once(url)
    except (httpx.InvalidURL, ValueError) as error:
        if raised_by_signal_handler(error) is not None:
            raise
        reason = str(error)
    raise ConfigError(f"The address can't be used: {excerpt(reason, 120)}")


def _parse(url: str) -> httpx.URL:
    parsed = httpx.URL(url)
    # httpx raises for an invalid international domain name only when the host is read.
    str(parsed.host)
    return parsed


_parse_once = lru_cache(256)(_parse)


def no_response_error(
    url: str, reason: str, redactor: Redactor, *, sent: bool = True
) -> StreamConnectionError:
    """Return the error of a request that got no response.

    Args:
        url: The URL, of which the message shows only the origin.
        reason: What happened; it may contain text of the server.
        redactor: Masks the secrets of the request.
        sent: Whether a byte of the request was sent.
    """
    parts = urlsplit(url)
    hint = hint_for(reason)
    said = excerpt(redactor.text(reason))
    host = parts.netloc.rpartition("@")[2]
    return StreamConnectionError(
        f"No answer came from {parts.scheme}://{host} ({said}); {hint.text}",
        request_sent=sent,
        transient=hint.transient,
    )


def redirect_target(method: str, url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Return the URL to follow a redirect to.

    Args:
        method: The method of the request.
        url: The URL of the request.
        status: The HTTP status of the response.
        headers: The headers of the response, names in lower case.

    Returns:
        A URL of the same origin; None if the response is not a redirect that is followed.
    """
    location = headers.get("location")
    if location is None or status not in (301, 302, 303, 307, 308):
        return None
    if method != "GET" and status not in (307, 308):
        return None
    try:
        target = urljoin(url, location)
        # httpx would send a user name in the URL instead of the key.
        is_plain = "@" not in urlsplit(target).netloc
        return target if is_plain and same_origin(url, target) else None
    except ValueError:
        return None  # it is not a URL
