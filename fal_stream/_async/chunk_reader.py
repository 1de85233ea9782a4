"""Read the chunks of one stream from the server, once the request of the stream was sent.

A chunk reader doesn't know the consumers: the read lock of the stream lets one of them read at a
time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from .._net.async_exchange import AsyncExchange, async_new_exchange
from .._net.exchange import Aborted
from .._shared import api_errors
from .._shared.chunk_source import BinaryChunks
from .._shared.chunks import EventChunks
from .._shared.prepared_stream import PreparedStream
from .._shared.sse import SSEParser
from .._shared.watchdog import Watchdog
from ..errors import FalStreamError, counted

if TYPE_CHECKING:
    from .http.response import AsyncStreamResponse


_logger = logging.getLogger("fal_stream")


class AsyncOpener(Protocol):
    """Sends the request of a prepared stream and returns its response."""

    async def __call__(
        self, prepared: PreparedStream, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        """Send the request and return the response."""
        raise NotImplementedError


class AsyncChunkReader:
    """Reads and decodes the response of one stream.

    Args:
        prepared: What to send, and how to decode the response.
        opener: Sends the request.

    Attributes:
        received: The number of bytes of the body that have arrived.
    """

    def __init__(self, prepared: PreparedStream, opener: AsyncOpener) -> None:
        self.received: int = 0
        self._last_response: AsyncStreamResponse | None = None
        self._prepared = prepared
        self._opener = opener
        self._watchdog = Watchdog(prepared.limits, time.monotonic)
        self._aborted = False
        self._exchange: AsyncExchange | None = None
        self._response: AsyncStreamResponse | None = None
        self._source: EventChunks[Any] | BinaryChunks = BinaryChunks()

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response, names in lower case; empty until the server has answered.

        If they repeat a secret of the request, it is masked.
        """
        return {} if self._last_response is None else self._last_response.redacted_headers

    async def start(self) -> None:
        """Send the request and wait for the head of the response.

        Raises:
            FalStreamError: No response came, or it is not a stream.
            Aborted: The stream was aborted.
            Expired: A limit has run out.
        """
        exchange = self._exchange = async_new_exchange(self._watchdog)
        if self._aborted:
            raise Aborted
        response = await self._opener(self._prepared, exchange)
        self._last_response = response
        try:
            self._source = await self._source_of(response)
            self._watchdog.on_start()
            self._response = response
        except BaseException:
            await response.release()
            raise

    async def _source_of(self, response: AsyncStreamResponse) -> EventChunks[Any] | BinaryChunks:
        """Return the decoder for the body, or raise the error that the response stands for."""
        prepared, status, headers = self._prepared, response.status, response.headers
        hints = api_errors.STREAM_HINTS
        if prepared.with_token:
            hints = api_errors.TOKEN_STREAM_HINTS
        if not 200 <= status < 300:
            body = await response.read_redacted(api_errors.ERROR_BODY_LIMIT)
            raise api_errors.error_from_response(status, response.redacted_headers, body, hints)
        coding = api_errors.unexpected_encoding(headers)
        if coding is not None and status != 204:
            raise api_errors.encoding_error(coding)
        if status != 204 and api_errors.is_unexpected_type(
            headers, prepared.request.headers["accept"]
        ):
            body = await response.read_redacted(api_errors.ERROR_BODY_LIMIT)
            raise api_errors.unexpected_type_error(status, response.redacted_headers, body)
        if status == 204 or api_errors.is_event_stream(headers):
            return EventChunks(
                SSEParser(prepared.max_event_bytes),
                prepared.decode_json,
                is_final=prepared.is_final,
                raise_errors=prepared.raise_error_events,
                is_workflow=prepared.is_workflow,
                any_end=prepared.any_end,
                redact=response.redact,
                body_error=partial(_body_error, response),
            )
        if prepared.output_type not in (None, bytes):
            raise api_errors.untyped_error(response.redacted_headers)
        return BinaryChunks(prepared.is_final)

    async def fetch_chunks(self, new_chunks: list[Any], *, as_events: bool) -> bool:
        """Read from the server once, and return whether the stream has ended.

        Args:
            new_chunks: The list that the chunks are added to, even if an error is raised then.
            as_events: Whether to decode to raw events instead of chunks.

        Raises:
            FalStreamError: The connection broke, or the response can't be decoded.
            Aborted: The stream was aborted.
            Expired: A limit has run out.
        """
        response, source = self._response, self._source
        assert response is not None, "it is open"
        if isinstance(source, EventChunks):
            source.raw = as_events
        elif as_events:
            raise FalStreamError(
                "events() is for event streams, and the response is "
                f"{api_errors.shown_type(self.headers)}: "
                "iterate the stream instead, which gives bytes"
            )
        try:
            if source.has_failed:
                source.raise_held_error()
            data = await response.read()
            self.received += len(data)
            if data:
                source.feed(data, new_chunks)
            else:
                try:
                    source.close(new_chunks)
                finally:
                    self._warn_of_non_event_bytes(source)
        finally:
            if new_chunks:
                self._watchdog.on_chunk()
        if not new_chunks and source.shows_life(data):
            self._watchdog.on_data()
        return source.ended or not data

    def _warn_of_non_event_bytes(self, source: EventChunks[Any] | BinaryChunks) -> None:
        if isinstance(source, EventChunks) and source.non_event_bytes:
            _logger.warning(
                "The stream from %s ended with at least %s of text that is not an event: the "
                "server may have sent a page or an error with the media type of an event stream",
                self._prepared.endpoint_id,
                counted(source.non_event_bytes, "byte"),
            )

    def abort(self) -> None:
        """End every wait; callable from any thread at any time."""
        self._aborted = True
        exchange = self._exchange
        if exchange is not None:
            exchange.abort()

    async def release(self) -> None:
        """Release the connection."""
        if self._response is not None:
            await self._response.release()

    def abandon(self) -> None:
        """Close the connection without waiting; callable from any thread."""
        if self._response is not None:
            self._response.abandon()


# Not a method: a bound method would be part of a reference cycle with the response, which would
# keep the client alive until the garbage collector runs.
def _body_error(response: AsyncStreamResponse, text: str) -> FalStreamError:
    body = response.redact(text).encode()
    return api_errors.error_from_response(response.status, response.redacted_headers, body)
