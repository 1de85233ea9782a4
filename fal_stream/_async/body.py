"""Bytes of a file as the body of a request, read as they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from typing_extensions import Self

from .._files.source import FileSource
from .._net.async_exchange import AsyncExchange
from .._net.tasks import async_in_thread

# How much is read at a time.
PIECE_BYTES = 256 * 1024


class PieceSource:
    """A piece of a stream, which can be read but once: it is kept until it has been sent.

    Args:
        data: The piece.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def read(self, offset: int, length: int) -> bytes:
        """Give a part of the piece."""
        return bytes(self._data[offset : offset + length])


@dataclass(frozen=True)
class FilePart:
    """A part of a file.

    Attributes:
        source: The file.
        offset: Where the part begins, in bytes.
        length: How long it is, in bytes.
    """

    source: FileSource | PieceSource = field(repr=False)
    offset: int
    length: int


class AsyncFileBody:
    """A part of a file as the body of a request, read as it is sent; again if need be.

    Args:
        part: The part.
        exchange: The exchange that it is sent in: its limits and its abort end a read that hangs.
    """

    def __init__(self, part: FilePart, exchange: AsyncExchange) -> None:
        self._part = part
        self._exchange = exchange

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncPieces(self._part, self._exchange)


class _AsyncPieces:
    """One reading of a part; no generator, which an abort would leave behind half way."""

    def __init__(self, part: FilePart, exchange: AsyncExchange) -> None:
        self._part = part
        self._exchange = exchange
        self._done = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part, exchange = self._part, self._exchange
        if self._done:
            # An HTTP client of the user's doesn't tell what has gone out.
            exchange.progress()
        size = min(PIECE_BYTES, part.length - self._done)
        if size <= 0:
            raise StopAsyncIteration
        data: bytes = await exchange.call(
            async_in_thread, part.source.read, part.offset + self._done, size
        )
        self._done += size
        return data
