"""`stream.audio()`: iterate over the audio of a stream as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from .._net.flavour_hints import AsyncIteratorHints
from .._shared.audio_chunks import AudioReader
from .._shared.chunk_fields import ChunkField, check_field

if TYPE_CHECKING:
    from .stream import AsyncFalStream


class AsyncAudio(AsyncIteratorHints):
    """`stream.audio()`: iterate over the audio of a stream as bytes.

    Args:
        stream: The stream.
        field: Where the audio is in a chunk: the name of a field, a function of a chunk, or None to
            detect it.
    """

    def __init__(self, stream: AsyncFalStream[Any], field: ChunkField | None) -> None:
        check_field("field", field)
        self._stream = stream
        self._reader = AudioReader(field)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        stream = self._stream
        while True:
            try:
                chunk = await stream.__anext__()
            except StopAsyncIteration:
                if not stream.signal.aborted:
                    self._reader.check_found(stream.endpoint_id, stream.request_id)
                raise
            try:
                sound = self._reader.take(chunk)
            except BaseException:
                # Read nothing more, as after a chunk that can't be decoded.
                await stream.aclose()
                raise
            if sound:
                return sound
