"""Write files to disk: data from a chunk, downloads, and response bodies as they arrive.

Not here: the temporary name of a file until it is complete (`PartFile`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .._net.cancellation import async_in_thread
from .._saving.part_file import PartFile
from .._shared.file_limits import FileLimits
from .._shared.found_file import FoundFile
from .._signal_errors import raised_by_signal_handler
from ..abort import AbortSignal
from .dispatch import AsyncDispatcher
from .download import file_error, start_download, too_large

# The number of bytes that are collected before they are written.
_BLOCK = 256 * 1024


class AsyncFileWriter:
    """Writes one file piece by piece, in a thread."""

    def __init__(self, part: PartFile) -> None:
        self._part = part
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._offset = 0

    async def write(self, data: bytes) -> None:
        """Append bytes; if this is interrupted, `flush` still writes them.

        Raises:
            FileError: The file can't be written.
        """
        self._pieces.append(data)
        self._waiting += len(data)
        if not self._part.is_open:
            await async_in_thread(self._part.create)
        if self._waiting >= _BLOCK:
            await self.flush()

    async def flush(self) -> None:
        """Write the bytes that were appended; if this is interrupted, the next call writes them.

        Raises:
            FileError: The file can't be written.
        """
        if not self._pieces:
            return
        if not self._part.is_open:
            await async_in_thread(self._part.create)
        data = b"".join(self._pieces)
        end = self._offset + len(data)
        await async_in_thread(self._part.write, data, self._offset)
        # There is no call in this assignment, so no signal handler can interrupt it.
        self._pieces, self._waiting, self._offset = [], 0, end

    async def finish(self) -> Path:
        """Give the complete file its final name, and return its path.

        Raises:
            FileError: The file can't be written or renamed.
        """
        await self.flush()
        return await async_in_thread(self._part.finish)


async def read_file(
    found: FoundFile, dispatcher: AsyncDispatcher, limits: FileLimits, signal: AbortSignal | None
) -> bytes:
    """Return the bytes of a file.

    Args:
        found: The file.
        dispatcher: Sends the request, if the chunk contains only the URL of the file.
        limits: The limits of size and time.
        signal: Aborts the download; may be None.

    Raises:
        FileError: The file can't be downloaded or decoded.
        ConfigError: The client is closed.
    """
    if found.is_inline:
        return await async_in_thread(_decode, found, limits)
    pieces: list[bytes] = []
    download = await start_download(found, limits, dispatcher, signal)
    try:
        while data := await download.read():
            pieces.append(data)
    finally:
        await download.release()
    return b"".join(pieces)


def _decode(found: FoundFile, limits: FileLimits) -> bytes:
    try:
        data = found.decode()
    except ValueError as error:
        if raised_by_signal_handler(error) is not None:
            raise
        reason = str(error)
    else:
        if len(data) <= limits.max_bytes:
            return data
        raise too_large(found, limits.max_bytes)
    raise file_error(found, reason)


async def save_file(
    found: FoundFile,
    dispatcher: AsyncDispatcher,
    limits: FileLimits,
    signal: AbortSignal | None,
    make_part: Callable[[str | None], PartFile],
) -> Path:
    """Save a file, and return its path.

    Args:
        found: The file.
        dispatcher: Sends the request, if the chunk contains only the URL of the file.
        limits: The limits of size and time.
        signal: Aborts the download; may be None.
        make_part: Returns the file to write to. Its argument is the media type of the download, or
            None.

    Raises:
        FileError: The file can't be downloaded, decoded or written; no part of it is left.
        ConfigError: The client is closed.
    """
    if found.is_inline:
        part = make_part(None)
        try:
            return await async_in_thread(_write_inline, found, limits, part)
        finally:
            part.discard()
    download = await start_download(found, limits, dispatcher, signal)
    try:
        part = make_part(download.content_type)
        try:
            await async_in_thread(part.create)
            writer = AsyncFileWriter(part)
            while data := await download.read():
                await writer.write(data)
            return await writer.finish()
        finally:
            part.discard()
    finally:
        await download.release()


def _write_inline(found: FoundFile, limits: FileLimits, part: PartFile) -> Path:
    data = _decode(found, limits)
    part.create()
    part.write(data)
    return part.finish()
