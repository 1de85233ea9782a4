"""Streams over an HTTP client of the user's.

Its connections are its own business: an abort or a limit ends the wait at once, but what the
client is doing may go on for a while; and the body comes by way of its own reader, more slowly.
"""

from __future__ import annotations

from typing import TypeAlias

import httpx

from ..._checks import shown
from ..._net.async_exchange import AsyncExchange
from ..._net.exchange import Aborted
from ..._net.masking import masked_in_logs
from ..._net.runtime import Lock
from ..._net.sockets import shut_down
from ..._net.tasks import async_finish
from ..._shared.outgoing import Outgoing
from ..._shared.redact import Redactor
from ..._shared.watchdog import Expired
from ...config import Config
from ...errors import ConfigError, FalStreamError, StreamConnectionError, excerpt
from .response import AsyncStreamResponse
from .sender import AsyncSender, build_request, no_answer

AsyncHttpClient: TypeAlias = httpx.AsyncClient

# How much later than a limit of ours one of the HTTP client's own may run out (seconds).
_GRACE = 1.0

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


def make_sender(client: AsyncHttpClient | None, config: Config) -> AsyncSender:
    """Return what sends the requests of a client.

    Args:
        client: An HTTP client of the user's, or None for connections of our own.
        config: The settings.

    Raises:
        ConfigError: It is no HTTP client, or one of the other flavour.
    """
    # Checked all the same: not everybody has a type checker.
    if client is not None and not isinstance(client, httpx.AsyncClient):
        raise ConfigError(f"http_client={shown(client)} must be an httpx.AsyncClient")
    return AsyncSender(config.keepalive_expiry) if client is None else AsyncBorrowedSender(client)


class AsyncBorrowedSender(AsyncSender):
    """Sends requests by an HTTP client of the user's, which stays open when this is closed.

    Args:
        client: The client.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__(0.0)
        self._client = client

    def check_copied(self) -> None:
        """See `AsyncSender`."""
        raise ConfigError(
            "A client with an http_client of your own is neither pickled nor copied: hand on "
            "its config, and make a client of it on the other side, with an http_client made "
            "there"
        )

    async def preconnect(self, url: str, exchange: AsyncExchange) -> None:
        """See `AsyncSender`; an HTTP client of the user's has no way to do it."""
        raise ConfigError(
            "preconnect() opens a connection of our own, and this client sends by the http_client "
            "that it was given: leave one of the two out"
        )

    async def _send(
        self, request: Outgoing, url: str, exchange: AsyncExchange, redactor: Redactor
    ) -> AsyncStreamResponse:
        sent = build_request(request, url)
        if not request.is_bare:
            kept = [
                pair
                for pair in self._client.headers.raw
                if pair[0].decode("latin-1").lower() not in request.headers
            ]
            sent.headers = httpx.Headers(kept + sent.headers.raw)
        sent.headers.setdefault("host", sent.url.netloc.decode("ascii"))
        # Time is kept by the watchdog; this only ends what was left behind.
        longest = exchange.watchdog.longest()
        patience = httpx.Timeout(None if longest is None else longest + _GRACE)
        sent.extensions = {"timeout": patience.as_dict()}
        try:
            response = await exchange.call(self._submit, sent, redactor, undo=_close)
        except (Aborted, Expired, FalStreamError):
            raise
        except BROKEN as error:
            reason, cause = str(error) or type(error).__name__, None
            if isinstance(error, httpx.HTTPStatusError):
                # It was answered, and a hook of the user's didn't like the answer.
                reason = f"the http_client raised {reason}"
            is_sent = not isinstance(error, _NOT_SENT)
        except Exception as error:
            reason, cause, is_sent = f"the http_client raised {type(error).__name__}", error, True
            if self._client.is_closed:
                reason, cause, is_sent = "the http_client is closed", None, False
        else:
            return AsyncBorrowedResponse(response, exchange, redactor)
        raise no_answer(url, reason, redactor, sent=is_sent) from cause

    async def _submit(self, request: httpx.Request, redactor: Redactor) -> httpx.Response:
        with masked_in_logs(redactor):
            # Its `auth` would take the place of the key.
            return await self._client.send(request, stream=True, follow_redirects=False, auth=None)


async def _close(response: httpx.Response) -> bool:
    await response.aclose()
    return response.is_closed


def _shut_down_stream(stream: object) -> None:
    get = getattr(stream, "get_extra_info", None)
    sock = get("socket") if get is not None else None
    if sock is not None:
        shut_down(sock)


class AsyncBorrowedResponse(AsyncStreamResponse):
    """A response that is read by the HTTP library's own reader.

    Args:
        response: The HTTP library's response.
        exchange: The exchange that it belongs to.
        redactor: Knows the secrets of the request.
    """

    def __init__(
        self, response: httpx.Response, exchange: AsyncExchange, redactor: Redactor
    ) -> None:
        super().__init__(response.status_code, response.headers.raw, exchange, redactor)
        self._response = response
        # One made in memory, as in tests, has been read already.
        is_read = response.is_stream_consumed
        self._body = response.aiter_bytes() if is_read else response.aiter_raw()
        self._lock = Lock()
        self._is_reading = False
        self._is_torn = False
        self._released = False

    async def read(self) -> bytes:
        """See `AsyncStreamResponse`."""
        if self._is_torn:
            # Its reader would call that the end of the body.
            raise StreamConnectionError(
                "the task that read it was cancelled, and an http_client can't go on from there"
            )
        self._is_torn = True
        try:
            data: bytes = await self._exchange.call(self._next)
        except BROKEN as error:
            reason = excerpt(self.redact(str(error))) or type(error).__name__
        else:
            self._is_torn = False
            return data
        raise StreamConnectionError(reason)

    async def _next(self) -> bytes:
        with self._lock:
            self._is_reading = True
        try:
            with masked_in_logs(self._redactor):
                return await self._body.__anext__()
        except StopAsyncIteration:
            return b""
        finally:
            with self._lock:
                self._is_reading = False
                is_left = self._released
            if is_left:
                await self._response.aclose()

    async def release(self) -> None:
        """See `AsyncStreamResponse`."""
        with self._lock:
            if self._released:
                return
            self._released = True
            is_reading = self._is_reading
        self._exchange.detach()
        if is_reading:
            # Closed under its reader's feet, it would wake nobody.
            _shut_down_stream(self._response.extensions.get("network_stream"))
        else:
            await async_finish(_close(self._response), self._exchange.abort)

    def abandon(self) -> None:
        """See `AsyncStreamResponse`."""
        if not self._released:
            self._released = True
            self._exchange.detach()
            _shut_down_stream(self._response.extensions.get("network_stream"))
