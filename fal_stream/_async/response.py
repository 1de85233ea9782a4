"""A response whose body is read as it comes, straight from the socket.

The HTTP library's own reader would look at each HTTP chunk by itself, and a cancellation in it
could cost the connection. The library is told of the end of the body only, so that it can use
the connection again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from functools import cached_property

import httpcore
import httpx

from .._net.async_exchange import AsyncExchange
from .._net.async_socket import AsyncSocketStream
from .._net.tasks import async_finish
from .._shared.framing import BodyFraming, FramingError
from .._shared.redact import Redactor
from .._shared.watchdog import Expired
from ..errors import StreamConnectionError

# As much of a body is read so that its connection can be used again, and waited for so long.
DISCARD_LIMIT = 64 * 1024
DISCARD_SECONDS = 1.0

# How long the text of an error is waited for (seconds).
PATIENCE = 5.0


class AsyncStreamResponse:
    """A response whose body is read as it comes.

    Args:
        response: The HTTP library's response.
        exchange: The exchange that it belongs to.

    Attributes:
        status: The HTTP status.
        headers: The headers, names in lower case.
    """

    def __init__(self, response: httpx.Response, exchange: AsyncExchange) -> None:
        self._response = response
        self._exchange = exchange
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in response.headers.items()
        }
        request = response.request
        self._redactor = Redactor(str(request.url), request.headers)

    def redact(self, text: str) -> str:
        """Mask the secrets of the request in a text of its server's."""
        return self._redactor.text(text)

    @cached_property
    def said_headers(self) -> Mapping[str, str]:
        """The headers to show: the secrets of the request are masked in them."""
        return self._redactor.headers(self.headers)

    async def read_said(self, limit: int) -> bytes:
        """Read a body to show, with the secrets of the request masked; see `read_up_to`."""
        return self._redactor.data(await self.read_up_to(limit))

    async def read(self) -> bytes:
        """Wait for bytes of the body.

        Returns:
            Some bytes, or `b""` at the end of the body.

        Raises:
            StreamConnectionError: The connection broke, or ended before the body did.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        raise NotImplementedError

    async def release(self) -> None:
        """Give the connection back where it can be used again, else close it."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Free the connection of a response that nobody reads any more; from any thread."""
        raise NotImplementedError

    async def read_up_to(self, limit: int, seconds: float = PATIENCE) -> bytes:
        """Read a body that is not worth waiting for, or its beginning.

        Args:
            limit: How many bytes at most.
            seconds: How long to wait for it at most. Default 5.

        Returns:
            What came; the connection may have broken afterwards.
        """
        pieces = bytearray()
        self._exchange.watchdog.lap(seconds)
        try:
            while len(pieces) < limit and (data := await self.read()):
                pieces += data
        except (StreamConnectionError, Expired):
            pass
        finally:
            self._exchange.watchdog.lap(math.inf)
        return bytes(pieces[:limit])

    async def read_whole(self, limit: int) -> bytes:
        """Read the body to its end.

        Args:
            limit: How many bytes at most.

        Returns:
            The body.

        Raises:
            StreamConnectionError: The connection broke, or the body is larger.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        pieces = bytearray()
        while data := await self.read():
            pieces += data
            if len(pieces) > limit:
                raise StreamConnectionError(f"the answer has more than {limit:,} bytes")
        return bytes(pieces)

    async def discard(self) -> None:
        """Let go of the response; a short body is read, so that the connection can be kept."""
        try:
            await self.read_up_to(DISCARD_LIMIT, DISCARD_SECONDS)
        finally:
            await self.release()


class AsyncSocketResponse(AsyncStreamResponse):
    """A response that is read straight from the socket.

    Args:
        response: The HTTP library's response.
        framing: Where the body ends.
        exchange: The exchange that it belongs to.
        abandoned: Takes the HTTP library's response when nobody reads it any more.
    """

    def __init__(
        self,
        response: httpx.Response,
        framing: BodyFraming,
        exchange: AsyncExchange,
        abandoned: deque[httpx.Response],
    ) -> None:
        super().__init__(response, exchange)
        self._stream: AsyncSocketStream = response.extensions["network_stream"]
        self._framing = framing
        self._abandoned = abandoned
        self._released = False

    async def read(self) -> bytes:
        """See `AsyncStreamResponse`."""
        framing = self._framing
        try:
            if framing.has_failed:
                framing.check()
            while not framing.done:
                data = await self._stream.read_body()
                if not data:
                    if framing.complete_at_eof:
                        return b""
                    reason = "the connection ended before the body did"
                    break
                body = framing.feed(data)
                if body:
                    return body
            else:
                return b""
        except FramingError as error:
            reason = self.redact(f"the body's framing is broken: {error}")
        except httpcore.NetworkError as error:
            reason = str(error) or "the connection broke"
        raise StreamConnectionError(reason)

    async def release(self) -> None:
        """See `AsyncStreamResponse`."""
        if self._released:
            return
        self._released = True
        unharmed = self._exchange.detach()
        framing = self._framing
        is_clean = unharmed and framing.done and not framing.rest
        ending = framing.substitute_body if is_clean else None
        if ending is not None:
            self._stream.unread(ending)
        else:
            await self._stream.aclose()
        await async_finish(self._finish(ending is not None), self._exchange.abort)

    async def _finish(self, usable: bool) -> bool:
        """End the HTTP library's part of it; tell whether the connection is kept."""
        if usable:
            with self._exchange:
                async for _ in self._response.aiter_raw():
                    pass
        await self._response.aclose()
        return usable

    def abandon(self) -> None:
        """See `AsyncStreamResponse`."""
        if not self._released:
            self._released = True
            self._exchange.detach()
            self._stream.abandon()
            self._abandoned.append(self._response)
