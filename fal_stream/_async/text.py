"""`stream.text()` and `stream.final_text()`: the text of a stream, in pieces or as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from .._net.flavour_hints import AsyncIteratorHints
from .._shared.chunk_fields import ChunkField
from .._shared.stream_state import STOPPED
from .._shared.text_reader import TextReader
from ..errors import FalStreamError

if TYPE_CHECKING:
    from .stream import AsyncFalStream


class AsyncText(AsyncIteratorHints):
    """The iterator of `stream.text()`: only the new text of each chunk.

    Args:
        stream: The stream.
        reader: Finds the text in the chunks.
    """

    def __init__(self, stream: AsyncFalStream[Any], reader: TextReader) -> None:
        self._stream = stream
        self._reader = reader

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            try:
                chunk = await self._stream.__anext__()
            except StopAsyncIteration:
                piece = self._reader.end()
                if not piece:
                    self._check_found()
                    raise
            except FalStreamError:
                # Return the text that had arrived first; the next call raises the error again.
                piece = self._reader.end()
                if not piece:
                    raise
            else:
                try:
                    piece = self._reader.take(chunk)
                except BaseException as error:
                    if isinstance(error, FalStreamError):
                        self._about(error)
                    # Read nothing more, as after a chunk that can't be decoded.
                    await self._stream.aclose()
                    raise
            if piece:
                return piece

    def _check_found(self) -> None:
        stream, reader = self._stream, self._reader
        is_whole = STOPPED not in stream._reached and stream._count == reader.chunk_count
        if is_whole and not reader.has_found:
            raise self._about(reader.missing_error()) from None

    async def whole(self) -> str:
        """Run the stream to its end, and return all of its text.

        Raises:
            FalStreamError: The error that ended the stream; or no chunk had text; or chunks whose
                text is needed were already taken by another iteration.
        """
        async for _ in self:
            pass
        stream, reader = self._stream, self._reader
        missed = 0 if STOPPED in stream._reached else stream._count - reader.chunk_count
        try:
            return reader.whole(missed, stream.current_data)
        except FalStreamError as error:
            self._about(error)
            raise

    def _about(self, error: FalStreamError) -> FalStreamError:
        error.endpoint_id = self._stream.endpoint_id
        error.request_id = self._stream.request_id
        return error


def async_text_of(
    stream: AsyncFalStream[Any], field: ChunkField | None, cumulative: bool | None
) -> AsyncText:
    """Return the text of a stream, continuing an earlier iteration with the same arguments.

    Args:
        stream: The stream.
        field: Where the text is in a chunk; None to detect it.
        cumulative: Whether each chunk has all text so far; None to detect it.

    Raises:
        ConfigError: An argument can't be used.
    """
    reader = stream._text_reader
    if reader is None or not reader.is_of(field, cumulative):
        reader = stream._text_reader = TextReader(field, cumulative)
    return AsyncText(stream, reader)
