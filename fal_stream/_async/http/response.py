"""Read a response body as it arrives, and raise our own errors, with secrets redacted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..._net.async_exchange import AsyncExchange
from ..._shared.framing import FramingError
from ..._shared.http1 import decode_headers
from ..._shared.redact import Redactor
from ..._shared.watchdog import Expired
from ..._signal_errors import raised_by_signal_handler
from ...errors import StreamConnectionError
from .connection import AsyncResponseBody

# The limits for reading the rest of a body only to be able to reuse its connection.
DISCARD_LIMIT = 64 * 1024
DISCARD_SECONDS = 1.0

# How long to wait for the body of an error (seconds).
ERROR_BODY_TIMEOUT = 5.0


class AsyncStreamResponse:
    """A response whose body is read as it arrives.

    Args:
        status: The HTTP status.
        headers: The raw headers.
        exchange: The exchange that the response belongs to.
        redactor: Masks the secrets of the request.

    Attributes:
        status: The HTTP status.
        headers: The headers, names in lower case; values of one name are joined.
    """

    def __init__(
        self,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        exchange: AsyncExchange,
        redactor: Redactor,
    ) -> None:
        self.status: int = status
        self.headers: Mapping[str, str] = decode_headers(headers)
        self._exchange = exchange
        self._redactor = redactor
        self._redacted_headers: Mapping[str, str] | None = None

    def redact(self, text: str) -> str:
        """Return a text of the server with the secrets of the request masked."""
        return self._redactor.text(text)

    @property
    def redacted_headers(self) -> Mapping[str, str]:
        """The headers with the secrets of the request masked, for messages and logs."""
        if self._redacted_headers is None:
            self._redacted_headers = self._redactor.headers(self.headers)
        return self._redacted_headers

    async def read_redacted(self, limit: int) -> bytes:
        """Read a body as `read_up_to` does, and mask the secrets of the request in it."""
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
        """Return the connection to the pool if it can be used again, else close it."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Close the connection of a response that nobody reads any more; from any thread."""
        raise NotImplementedError

    async def read_up_to(self, limit: int, seconds: float = ERROR_BODY_TIMEOUT) -> bytes:
        """Read the body, or as much of it as arrives within the limits.

        Args:
            limit: The largest number of bytes to return.
            seconds: The longest time to wait (seconds). Default 5.

        Returns:
            The bytes that arrived, even if the connection broke after them.
        """
        pieces = bytearray()
        self._exchange.watchdog.limit_body(seconds)
        try:
            while len(pieces) < limit and (data := await self.read()):
                pieces += data
        except (StreamConnectionError, Expired):
            pass
        finally:
            self._exchange.watchdog.limit_body(math.inf)
        return bytes(pieces[:limit])

    async def read_whole(self, limit: int) -> bytes:
        """Read the body to its end and return it.

        Args:
            limit: The largest size that is accepted (bytes).

        Raises:
            StreamConnectionError: The connection broke, or the body is larger than `limit`.
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
        """Release the connection, after reading a short body so that it can be used again."""
        try:
            await self.read_up_to(DISCARD_LIMIT, DISCARD_SECONDS)
        finally:
            await self.release()


class AsyncSocketResponse(AsyncStreamResponse):
    """A response over a connection of our own."""

    def __init__(
        self,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        exchange: AsyncExchange,
        redactor: Redactor,
        body: AsyncResponseBody,
    ) -> None:
        super().__init__(status, headers, exchange, redactor)
        self._body = body

    async def read(self) -> bytes:
        """See `AsyncStreamResponse`."""
        try:
            return await self._body.next_data()
        except FramingError as error:
            reason = self.redact(f"the body's framing is broken: {error}")
        except OSError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            reason = str(error) or "the connection broke"
        raise StreamConnectionError(reason)

    async def release(self) -> None:
        """See `AsyncStreamResponse`."""
        self._body.release()

    def abandon(self) -> None:
        """See `AsyncStreamResponse`."""
        self._body.abandon()
