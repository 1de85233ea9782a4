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

# How many bytes of a body are read, and for how long, so that its connection can be used again.
DISCARD_LIMIT = 64 * 1024
DISCARD_SECONDS = 1.0

# How long to wait for the body of an error (seconds).
PATIENCE = 5.0


class AsyncStreamResponse:
    """A response whose body is read as it comes.

    Args:
        status: The HTTP status.
        headers: The headers as they came.
        exchange: The exchange that it belongs to.
        redactor: Knows the secrets of the request.

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
        """Mask the secrets of the request in a text of its server's."""
        return self._redactor.text(text)

    @property
    def redacted_headers(self) -> Mapping[str, str]:
        """The headers to show: the secrets of the request are masked in them."""
        if self._redacted_headers is None:
            self._redacted_headers = self._redactor.headers(self.headers)
        return self._redacted_headers

    async def read_redacted(self, limit: int) -> bytes:
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
        self._exchange.watchdog.limit_attempt(seconds)
        try:
            while len(pieces) < limit and (data := await self.read()):
                pieces += data
        except (StreamConnectionError, Expired):
            pass
        finally:
            self._exchange.watchdog.limit_attempt(math.inf)
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
    """A response that comes by a connection of our own.

    Args:
        status: The HTTP status.
        headers: The headers as they came.
        exchange: The exchange that it belongs to.
        redactor: Knows the secrets of the request.
        body: The body.
    """

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
            return await self._body.read()
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
