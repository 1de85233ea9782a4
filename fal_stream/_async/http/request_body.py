"""Send a request body while reading it, framed as the headers say (RFC 9112, section 6).

Promises: the first piece is read before a connection is needed. So a request can be sent again as
long as none of its bytes were sent, even if its body can be read only once. A body whose length
differs from `Content-Length` is an error: the server would read the rest of a longer body as the
next request, and the beginning of the next request as the rest of a shorter body.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

import httpx

_LAST_CHUNK = b"0\r\n\r\n"


class AsyncStreamedBody:
    """The body of one request.

    Args:
        pieces: The body.
        length: The value of `Content-Length` (bytes), or None for chunked coding.

    Attributes:
        has_ended: Whether there is nothing more to send.
        failure: The exception that reading the body raised.
    """

    def __init__(self, pieces: AsyncIterable[bytes], length: int | None) -> None:
        self.has_ended: bool = False
        self.failure: Exception | None = None
        self._pieces: AsyncIterator[bytes] = aiter(pieces)
        self._length = length
        self._read = 0

    async def read(self) -> bytes:
        """Return the next bytes to send, with their framing.

        Raises:
            httpx.LocalProtocolError: The length of the body differs from `Content-Length`.
            Exception: The exception that reading the body raised.
        """
        try:
            async for piece in self._pieces:
                if piece:
                    return self._framed(piece)
        except Exception as error:
            self.failure = error
            raise
        self.has_ended = True
        if self._length is None:
            return _LAST_CHUNK
        if self._read < self._length:
            raise _wrong_length(f"{self._read:,}", self._length)
        return b""

    def _framed(self, piece: bytes) -> bytes:
        if self._length is None:
            return _chunk(piece)
        self._read += len(piece)
        if self._read > self._length:
            raise _wrong_length(f"{self._read:,} or more", self._length)
        return piece


def framed(body: bytes, length: int | None) -> bytes:
    """Return a whole body with its framing; see `AsyncStreamedBody`."""
    if length is not None and length != len(body):
        raise _wrong_length(f"{len(body):,}", length)
    return body if length is not None else (_chunk(body) if body else b"") + _LAST_CHUNK


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _wrong_length(found: str, length: int) -> httpx.LocalProtocolError:
    return httpx.LocalProtocolError(
        f"the body has {found} bytes, and Content-Length says {length:,}"
    )
