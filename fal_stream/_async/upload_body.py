"""The body of an upload request: a part of a file, read from disk as it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from typing_extensions import Self

from .._input_files.source import FileSource
from .._net.async_exchange import AsyncExchange
from .._net.call_thread import Call, CallThread

T = TypeVar("T")


async def call_in(
    thread: CallThread, exchange: AsyncExchange, function: Callable[..., T], *args: Any
) -> T:
    """Call a function in a `CallThread`, and return its result.

    Args:
        thread: The thread.
        exchange: Applies the timeouts and the abort, which end the wait but not the function.
        function: The function.
        *args: The arguments of the function.

    Raises:
        BaseException: The exception that the function raised.
        Aborted: The exchange was aborted.
        Expired: A limit of the watchdog has run out.
    """
    calls: list[Call[T]] = []

    def begin(deliver: Callable[[None], None]) -> None:
        call = Call(partial(function, *args), deliver)
        calls.append(call)
        thread.begin(call)

    await exchange.wait_for_callback(begin)
    return calls[0].result()


class PieceSource:
    """A piece of a stream, kept in memory until it was sent, because a stream can't be reread."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def read(self, offset: int, length: int) -> bytes:
        """Return a part of the piece."""
        return bytes(self._data[offset : offset + length])


@dataclass(frozen=True)
class FilePart:
    """A part of a file.

    Attributes:
        source: The file.
        offset: The position of the part in the file (bytes).
        length: The length of the part (bytes).
    """

    source: FileSource | PieceSource = field(repr=False)
    offset: int
    length: int


class AsyncFileBody:
    """A part of a file as the body of a request, read while it is sent; it can be sent again.

    Args:
        part: The part.
        exchange: The exchange of the request; its limits and its abort end a read that hangs.
        thread: The thread that reads the file.
        piece_bytes: How much is read at once (bytes).
    """

    def __init__(
        self, part: FilePart, exchange: AsyncExchange, thread: CallThread, piece_bytes: int
    ) -> None:
        self.part = part
        self.exchange = exchange
        self.thread = thread
        self.piece_bytes = piece_bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AsyncPieces(self)


class _AsyncPieces:
    """An iterator over the pieces of a body; not a generator, which an abort may leave unclosed."""

    def __init__(self, body: AsyncFileBody) -> None:
        self._body = body
        self._done = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        body, part = self._body, self._body.part
        if self._done:
            # The user's HTTP client doesn't report how much was sent.
            body.exchange.progress()
        size = min(body.piece_bytes, part.length - self._done)
        if size <= 0:
            raise StopAsyncIteration
        offset = part.offset + self._done
        data = await call_in(body.thread, body.exchange, part.source.read, offset, size)
        self._done += size
        return data
