"""Record what a real server sends to a stream.

Promises: the stream behaves as without recording. The file is written when the stream has ended,
however it ended. Not here: the file format (`recording`), and masking secrets (`redaction`).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from fal_stream import AsyncFalStream, FalStream
from fal_stream._async.response_tap import async_attach_tap
from fal_stream._reporting.tap import Ending
from fal_stream._sync.response_tap import attach_tap
from fal_stream.errors import ConfigError, FalStreamError
from fal_stream.testing.checks import describe
from fal_stream.testing.recording import Piece, Recording, check_path, write_recording
from fal_stream.testing.redaction import redact_body, redact_headers

__all__ = ["record"]

ChunkT = TypeVar("ChunkT")

_DONE = re.compile(rb"^data: ?\[DONE\]\s*$", re.MULTILINE)


@overload
def record(stream: FalStream[ChunkT], path: str | os.PathLike[str]) -> FalStream[ChunkT]: ...


@overload
def record(
    stream: AsyncFalStream[ChunkT], path: str | os.PathLike[str]
) -> AsyncFalStream[ChunkT]: ...


def record(
    stream: FalStream[ChunkT] | AsyncFalStream[ChunkT], path: str | os.PathLike[str]
) -> FalStream[ChunkT] | AsyncFalStream[ChunkT]:
    """Record what the server sends to a stream; `replay` plays the recording.

    The file is written when the stream has ended; without a response, no file is written. It
    contains the status, the headers and the bytes of the body with their times, and nothing of the
    request. Secrets of the request are masked if the server repeats them, and so are headers whose
    names say that they are secret, and the signatures of URLs.

    Args:
        stream: The stream, of either flavour, before it has started.
        path: The path of the file; an existing file is replaced.

    Returns:
        The same stream.

    Raises:
        ConfigError: The stream has started, or the path can't be that of a file.
    """
    # Checked at run time too, because not every user has a type checker.
    given: Any = stream
    if isinstance(given, AsyncFalStream):
        async_attach_tap(given, _Recorder(given.endpoint_id, check_path(path)))
    elif isinstance(given, FalStream):
        attach_tap(given, _Recorder(given.endpoint_id, check_path(path)))
    else:
        raise ConfigError(f"stream is {describe(given)}; give what client.stream(...) returns")
    return stream


class _Recorder:
    """A tap that stores a response, and writes it to a file when the stream has ended.

    Args:
        endpoint_id: The endpoint.
        path: The path of the file.
    """

    def __init__(self, endpoint_id: str, path: Path) -> None:
        self._endpoint_id = endpoint_id
        self._path = path
        self._began = 0.0
        self._head: tuple[int, dict[str, str], float] | None = None
        self._mask: Callable[[str], str] = str
        self._pieces: list[Piece] = []

    def request_started(self) -> None:
        """See `Tap`."""
        self._began = time.monotonic()

    def response_started(
        self, status: int, headers: Mapping[str, str], mask: Callable[[str], str]
    ) -> None:
        """See `Tap`."""
        self._head = status, redact_headers(headers, mask), self._elapsed()
        self._mask = mask

    def received(self, data: bytes) -> None:
        """See `Tap`."""
        self._pieces.append(Piece(self._elapsed(), data))

    def ended(self, ending: Ending) -> None:
        """See `Tap`."""
        assert self._head is not None, "it was answered"
        status, headers, seconds = self._head
        if ending == "left" and _DONE.search(b"".join(piece.data for piece in self._pieces[-4:])):
            ending = "complete"  # the stream doesn't read beyond the end mark
        pieces = redact_body(self._pieces, self._mask)
        recording = Recording(
            self._endpoint_id, status, headers, seconds, pieces, self._elapsed(), ending
        )
        try:
            write_recording(self._path, recording)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return
        raise FalStreamError(f"The recording {str(self._path)!r} can't be written: {reason}")

    def _elapsed(self) -> float:
        return time.monotonic() - self._began
