"""Write files to disk: data from a chunk, downloads, and response bodies as they arrive.

Elsewhere: the temporary name of a file until it is complete (`PartFile`).
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
from .fetch import file_error, start_download, too_large

# How many bytes are written at once.
_BLOCK = 256 * 1024


class AsyncFileWriter:
    """Writes one file, some of its bytes at a time, in a thread."""

    def __init__(self, part: PartFile) -> None:
        self._part = part
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._offset = 0

    async def write(self, data: bytes) -> None:
        """Put bytes to its end; where that is interrupted, `flush` still writes them.

        Raises:
            FileError: They can't be written.
        """
        self._pieces.append(data)
        self._waiting += len(data)
        if not self._part.is_open:
            await async_in_thread(self._part.create)
        if self._waiting >= _BLOCK:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits to be written; where that is interrupted, the next call does it again.

        Raises:
            FileError: It can't be written.
        """
        if not self._pieces:
            return
        if not self._part.is_open:
            await async_in_thread(self._part.create)
        data = b"".join(self._pieces)
        end = self._offset + len(data)
        await async_in_thread(self._part.write, data, self._offset)
        # No call is made in between, so no signal handler can interrupt it.
        self._pieces, self._waiting, self._offset = [], 0, end

    async def finish(self) -> Path:
        """Give the file, which is whole, its own name.

        Returns:
            Where it stands.

        Raises:
            FileError: It can't be done.
        """
        await self.flush()
        return await async_in_thread(self._part.finish)


async def read_file(
    found: FoundFile, dispatcher: AsyncDispatcher, limits: FileLimits, signal: AbortSignal | None
) -> bytes:
    """Return the bytes of a file.

    Args:
        found: The file.
        dispatcher: Sends the request for it where the chunk has its address only.
        limits: The limits.
        signal: Ends it when it is aborted, or None.

    Returns:
        The bytes.

    Raises:
        FileError: It can't be had.
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
    """Save a file.

    Args:
        found: The file.
        dispatcher: Sends the request for it where the chunk has its address only.
        limits: The limits.
        signal: Ends it when it is aborted, or None.
        make_part: Makes the file that is written, given the media type that it was fetched with.

    Returns:
        Where it stands.

    Raises:
        FileError: It can't be had or written; no part of it is left.
        ConfigError: The client is closed.
    """
    if found.is_inline:
        part = make_part(None)
        try:
            return await async_in_thread(_write_inline, found, limits, part)
        finally:
            part.give_up()
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
            part.give_up()
    finally:
        await download.release()


def _write_inline(found: FoundFile, limits: FileLimits, part: PartFile) -> Path:
    data = _decode(found, limits)
    part.create()
    part.write(data)
    return part.finish()
