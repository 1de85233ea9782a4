"""Streams over an HTTP client of the user's.

Its connections are its own business: an abort or a limit ends the wait at once, but what the
client is doing may go on for a while; and the body comes by way of its own reader, more slowly.
"""

from __future__ import annotations

from collections import deque

import httpx

from .._net.async_exchange import AsyncExchange
from .._net.exchange import Aborted, shut_down
from .._net.masking import masked_in_logs
from .._net.runtime import Lock
from .._net.tasks import async_finish
from .._shared.outgoing import Outgoing
from .._shared.watchdog import Expired
from ..errors import FalStreamError, StreamConnectionError, excerpt
from .pool import BROKEN
from .response import AsyncStreamResponse
from .sender import AsyncSender, masking, no_answer

# How much later than a limit of ours one of the HTTP client's own may run out (seconds).
_GRACE = 1.0

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def make_sender(client: httpx.AsyncClient | None) -> AsyncSender:
    """Make what sends the requests of a client of ours.

    Args:
        client: An HTTP client of the user's, or None for our own.
    """
    return AsyncSender() if client is None else AsyncBorrowedSender(client)


class AsyncBorrowedSender(AsyncSender):
    """Sends requests by an HTTP client of the user's, which stays open when this is closed.

    Args:
        client: The client.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__()
        self._client = client

    async def prepare(self, request: Outgoing, exchange: AsyncExchange) -> None:
        """See `AsyncSender`; there is nothing to load."""

    def _http_client(self) -> httpx.AsyncClient:
        return self._client

    async def _send(
        self, client: httpx.AsyncClient, request: httpx.Request, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        # Time is kept by the watchdog; this only ends what was left behind.
        longest = exchange.watchdog.longest()
        patience = httpx.Timeout(None if longest is None else longest + _GRACE)
        request.extensions = {**request.extensions, "timeout": patience.as_dict()}
        try:
            response = await exchange.call(self._submit, request, exchange, undo=_close)
        except (Aborted, Expired, FalStreamError):
            raise
        except BROKEN as error:
            reason, cause = str(error) or type(error).__name__, None
            if isinstance(error, httpx.HTTPStatusError):
                # It was answered, and a hook of the user's didn't like the answer.
                reason = f"the http_client raised {reason}"
            sent = not isinstance(error, _NOT_SENT)
        except Exception as error:
            reason, cause, sent = f"the http_client raised {type(error).__name__}", error, True
            if client.is_closed:
                reason, cause, sent = "the http_client is closed", None, False
        else:
            return AsyncBorrowedResponse(response, exchange, self.abandoned)
        raise no_answer(request, reason, sent=sent) from cause

    async def _submit(self, request: httpx.Request, exchange: AsyncExchange) -> httpx.Response:
        with exchange, masking(request):
            # Its `auth` would take the place of the key.
            return await self._client.send(request, stream=True, follow_redirects=False, auth=None)


async def _close(response: httpx.Response) -> bool:
    await response.aclose()
    return response.is_closed


class AsyncBorrowedResponse(AsyncStreamResponse):
    """A response that is read by the HTTP library's own reader.

    Args:
        response: The HTTP library's response.
        exchange: The exchange that it belongs to.
        abandoned: Takes the HTTP library's response when nobody reads it any more.
    """

    def __init__(
        self, response: httpx.Response, exchange: AsyncExchange, abandoned: deque[httpx.Response]
    ) -> None:
        super().__init__(response, exchange)
        self._abandoned = abandoned
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
            shut_down(self._response.extensions.get("network_stream"))
        else:
            await async_finish(_close(self._response), self._exchange.abort)

    def abandon(self) -> None:
        """See `AsyncStreamResponse`."""
        if not self._released:
            self._released = True
            self._exchange.detach()
            shut_down(self._response.extensions.get("network_stream"))
            self._abandoned.append(self._response)
