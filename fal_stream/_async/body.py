"""Bytes of a file as the body of a request, read as they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

from .._files.source import FileSource
from .._net.runtime import async_in_thread

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


class AsyncFileBody:
    """A part of a file as the body of a request, read as it is sent; more than once if need be.

    Args:
        source: The file.
        offset: Where the part begins, in bytes.
        length: How long it is, in bytes.
    """

    def __init__(self, source: FileSource | PieceSource, offset: int, length: int) -> None:
        self._source = source
        self._offset = offset
        self.length = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        end = self._offset + self.length
        for offset in range(self._offset, end, PIECE_BYTES):
            size = min(PIECE_BYTES, end - offset)
            yield await async_in_thread(self._source.read, offset, size)
