"""One request out, one response in: same-origin redirects, dead connections, and what broke.

Nothing of the HTTP library gets past this module: its exceptions become errors of ours here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx
from typing_extensions import Self

from .._net.async_exchange import AsyncExchange
from .._net.async_socket import AsyncSocketStream
from .._net.masking import masked_in_logs
from .._net.once import Once
from .._net.per_loop import AsyncPerLoop
from .._shared.endpoint import same_origin
from .._shared.framing import FramingError, framing_for
from .._shared.outgoing import Outgoing
from .._shared.redact import Redactor
from ..errors import ConfigError, FalStreamError, StreamConnectionError, excerpt
from .pool import BROKEN, load_tls, make_http_client
from .response import AsyncSocketResponse, AsyncStreamResponse

MAX_REDIRECTS = 5


class AsyncSender:
    """Sends requests by an HTTP client of our own for each event loop."""

    def __init__(self) -> None:
        self._tls = Once(load_tls)
        self._clients = AsyncPerLoop(partial(make_http_client, self._tls), httpx.AsyncClient.aclose)
        self._abandoned = AsyncPerLoop(_no_responses, _forget)

    async def prepare(self, request: Outgoing, exchange: AsyncExchange) -> None:
        """Load what sending needs and takes long to load.

        Args:
            request: What will be sent.
            exchange: Carries the limits and the abort.

        Raises:
            ConfigError: The authorities for TLS can't be loaded.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        if self._tls.made is None and request.url.lower().startswith("https:"):
            (await exchange.delivery(self._tls.begin))()

    async def open(self, request: Outgoing, exchange: AsyncExchange) -> AsyncStreamResponse:
        """Send a request and wait for the head of its response; not to be cancelled.

        Args:
            request: What to send.
            exchange: Carries the limits and the abort.

        Returns:
            The response, whatever its status.

        Raises:
            StreamConnectionError: No response came.
            ConfigError: The address can't be used.
            RuntimeError: The client was closed.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        await self._clear_away()
        client = self._http_client()
        url = request.url
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._send(client, _build(client, request, url), exchange)
            target = redirect_target(request.method, url, response.status, response.headers)
            if target is None:
                return response
            await response.discard()
            url = target
        raise StreamConnectionError(f"The server redirected more than {MAX_REDIRECTS} times")

    def _http_client(self) -> httpx.AsyncClient:
        return self._clients.get()

    @property
    def abandoned(self) -> deque[httpx.Response]:
        """The responses of the running loop whose streams were dropped.

        The next request in the loop clears them away. A finalizer can't do that itself: it may run
        while its thread holds the pool's lock.
        """
        return self._abandoned.get()

    async def _clear_away(self) -> None:
        abandoned = self.abandoned
        while abandoned:
            try:
                response = abandoned.popleft()
            except IndexError:  # another thread was quicker
                return
            await response.aclose()

    async def _send(
        self, client: httpx.AsyncClient, request: httpx.Request, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        exchange.bytes_sent = 0
        response = None
        failure: FalStreamError | None = None
        for attempt in (1, 2):
            try:
                with exchange, masking(request):
                    response = await _send_once(client, request, exchange)
            except BROKEN as error:
                reason = str(error) or type(error).__name__
                failure = no_answer(request, reason, sent=exchange.bytes_sent > 0)
                # An idle connection that the server has closed meanwhile: nothing was sent yet.
                if attempt == 1 and exchange.bytes_sent == 0 and _was_idle(error):
                    continue
            break
        if response is None:
            assert failure is not None, "it was tried"
            raise failure
        stream = response.extensions.get("network_stream")
        try:
            framing = framing_for(response.status_code, request.method, response.headers.raw)
        except FramingError as error:
            failure = no_answer(request, f"it is not valid HTTP: {error}")
        else:
            if isinstance(stream, AsyncSocketStream) and stream.has_body:
                return AsyncSocketResponse(response, framing, exchange, self.abandoned)
            failure = no_answer(request, "it is not an HTTP/1.1 response")
        await response.aclose()
        raise failure

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        await self._clients.aclose()
        await self._abandoned.aclose()


def _no_responses() -> deque[httpx.Response]:
    return deque()


async def _forget(responses: deque[httpx.Response]) -> None:
    # Their connections are closed with the pool that they are in.
    responses.clear()


class _AsyncBody(httpx.AsyncByteStream):
    """The body of a request; the HTTP library's own would leave generators behind."""

    def __init__(self, request: Outgoing) -> None:
        self._body = request.body

    def __aiter__(self) -> AsyncIterator[bytes]:
        body = self._body
        if body is None or isinstance(body, bytes):
            return _AsyncOnce(body or b"")
        assert isinstance(body, AsyncIterable)
        return aiter(body)


class _AsyncOnce:
    """Gives some bytes once."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data, self._data = self._data, b""
        if not data:
            raise StopAsyncIteration
        return data


def _build(client: httpx.AsyncClient, request: Outgoing, url: str) -> httpx.Request:
    # Not by the client's own method, which would add its cookies, and its parameters in the place
    # of those of the address.
    # Headers as pairs: the HTTP library looks through all of them for each that is added.
    ours = [
        (name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()
    ]
    kept = [] if request.is_bare else client.headers.raw
    headers = [pair for pair in kept if pair[0].decode("latin-1").lower() not in request.headers]
    try:
        built = httpx.Request(request.method, url, headers=headers + ours, content=request.body)
        built.stream = _AsyncBody(request)
        return built
    except (httpx.InvalidURL, ValueError) as error:
        reason = str(error)
    # The address may hold a token.
    raise ConfigError(f"The address can't be used: {excerpt(reason, 120)}")


async def _send_once(
    client: httpx.AsyncClient, request: httpx.Request, exchange: AsyncExchange
) -> httpx.Response:
    try:
        return await client.send(request, stream=True)
    except BaseException as error:
        # Not each part of the HTTP library closes what it gives up, nor says in its own words why.
        exchange.drop()
        if type(error).__module__.startswith("socksio"):
            reason = str(error) or type(error).__name__
        else:
            raise
    raise httpcore.ProxyError(f"the SOCKS proxy doesn't speak SOCKS: {reason}")


def masking(request: httpx.Request) -> AbstractContextManager[None]:
    """Keep the secrets of a request out of others' logs while it is sent."""
    return masked_in_logs(Redactor(str(request.url), request.headers))


def no_answer(request: httpx.Request, reason: str, *, sent: bool = True) -> StreamConnectionError:
    """Make the error of a request that was not answered.

    Args:
        request: The request; no more than its origin is shown.
        reason: What happened; it may be what the server said.
        sent: Whether a byte of the request was sent.

    Returns:
        The error.
    """
    way_out = "check the address, the network and the proxy settings"
    if "WRONG_VERSION_NUMBER" in reason:
        way_out = "the server seems to speak plain HTTP: use http://"
    url = request.url
    origin = f"{url.scheme}://{url.netloc.decode()}"
    said = Redactor(str(url), request.headers).text(reason)
    return StreamConnectionError(
        f"No answer came from {origin} ({excerpt(said)}); {way_out}",
        request_sent=sent,
        transient="CERTIFICATE_VERIFY_FAILED" not in reason and "WRONG_VERSION" not in reason,
    )


def _was_idle(error: Exception) -> bool:
    return isinstance(
        error, (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
    )


def redirect_target(method: str, url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Give the address to go on to.

    Args:
        method: The method of the request.
        url: Its address.
        status: The HTTP status of the answer.
        headers: The headers of the answer, names in lower case.

    Returns:
        The address, of the same origin; None where the answer is no redirect that is followed.
    """
    location = headers.get("location")
    if location is None or status not in (301, 302, 303, 307, 308):
        return None
    if method != "GET" and status not in (307, 308):
        return None
    try:
        target = urljoin(url, location)
        # A user in it would take the place of the key.
        is_plain = "@" not in urlsplit(target).netloc
        return target if is_plain and same_origin(url, target) else None
    except ValueError:
        return None  # it is not an address
