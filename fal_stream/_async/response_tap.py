"""Pass each byte of a stream's response to a tap, which records it.

Promises: a stream without a tap does no extra work.
"""

from __future__ import annotations

from typing import Any

from .._net.async_exchange import AsyncExchange
from .._reporting.tap import Ending, Tap
from .._shared.prepared_stream import PreparedStream
from .._shared.watchdog import Expired
from ..errors import ConfigError, StreamConnectionError
from .chunk_reader import AsyncOpener
from .http.response import AsyncStreamResponse
from .stream import AsyncFalStream


def async_attach_tap(stream: AsyncFalStream[Any], tap: Tap) -> None:
    """Attach a tap to a stream that has not started.

    Args:
        stream: The stream.
        tap: The tap. An exception that it raises is raised to the reader of the stream.

    Raises:
        ConfigError: The stream has started already.
    """
    reader = stream._chunk_reader
    if reader._exchange is not None or stream.closed:
        raise ConfigError("The stream has started already: record it before it is read")
    reader._opener = _AsyncTappedOpener(reader._opener, tap)


class _AsyncTappedOpener:
    """An opener whose response passes its bytes to a tap."""

    def __init__(self, opener: AsyncOpener, tap: Tap) -> None:
        self._opener = opener
        self._tap = tap

    async def __call__(
        self, prepared: PreparedStream, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        self._tap.request_started()
        return _AsyncTappedResponse(await self._opener(prepared, exchange), self._tap)


class _AsyncTappedResponse(AsyncStreamResponse):
    """A response that passes the bytes of another one to a tap."""

    def __init__(self, inner: AsyncStreamResponse, tap: Tap) -> None:
        self.status, self.headers = inner.status, inner.headers
        self._exchange, self._redactor = inner._exchange, inner._redactor
        self._redacted_headers = None
        self._inner = inner
        self._tap = tap
        self._ended = False
        tap.response_started(inner.status, inner.redacted_headers, inner.redact)

    async def read(self) -> bytes:
        """See `AsyncStreamResponse`."""
        try:
            data = await self._inner.read()
        except StreamConnectionError:
            self._end("broken")
            raise
        except Expired:
            self._end("silent")
            raise
        if data:
            self._tap.received(data)
        else:
            self._end("complete")
        return data

    async def release(self) -> None:
        """See `AsyncStreamResponse`."""
        try:
            await self._inner.release()
        finally:
            self._end("left")

    def abandon(self) -> None:
        """See `AsyncStreamResponse`."""
        self._inner.abandon()
        self._end("left")

    def _end(self, ending: Ending) -> None:
        if not self._ended:
            self._ended = True
            self._tap.ended(ending)
