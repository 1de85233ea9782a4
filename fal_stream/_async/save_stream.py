"""`stream.save()`: run a stream and save the files that its chunks contain or name.

Promises: if one file can't be saved, the others still are. If a response that is a file breaks off,
what arrived is kept in a file whose name ends in `.part`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._checks import check_bool
from .._net.cancellation import async_complete_despite_cancellation, async_in_thread
from .._net.flavour_pairs import async_call_with_timeout
from .._saving.save_path import make_folder, parse_save_path
from .._shared.chunk_fields import shown_fields
from .._shared.chunk_files import SeenFiles, find_files_in_chunk
from .._shared.file_hosts import make_file_hosts
from .._shared.file_limits import FileLimits
from ..errors import FalStreamError, FileError, counted
from .dispatch import AsyncDispatcher
from .download import FileOption
from .saver import AsyncSaver

if TYPE_CHECKING:
    from .stream import AsyncFalStream

MAX_SAVED_FILES = 1_000

# How long a write to disk is waited for when the caller was cancelled (seconds).
_DISK_TIMEOUT = 0.5

_logger = logging.getLogger("fal_stream")


class AsyncStreamSaver:
    """Runs a stream and saves its files.

    Args:
        stream: The stream.
        dispatcher: Sends the requests for files whose URLs are in chunks.
        limits: The limits of each file.
        hosts: Hosts that files are downloaded from besides fal's own and the client's servers.
        previews: Whether to save the files of all chunks, or of the last one only.
        overwrite: Whether to replace files of the same name.

    Raises:
        ConfigError: An argument can't be used.
    """

    def __init__(
        self,
        stream: AsyncFalStream[Any],
        dispatcher: AsyncDispatcher,
        limits: FileLimits,
        hosts: Collection[str],
        *,
        previews: bool,
        overwrite: bool,
    ) -> None:
        self._stream = stream
        self._dispatcher = dispatcher
        self._limits = limits
        self._hosts = make_file_hosts(stream._settings, hosts)
        self._previews = check_bool("previews", previews)
        self._overwrite = check_bool("overwrite", overwrite)
        self._once = SeenFiles()
        self._failure: FileError | None = None
        self._files_in: int | None = None

    async def run(self, path: object) -> list[Path]:
        """Run the stream to its end, save its files, and return their paths.

        Args:
            path: A folder or a file, as the user gave it.

        Raises:
            FalStreamError: See `AsyncFalStream.save`.
        """
        stream = self._stream
        save_path = await async_in_thread(parse_save_path, "path", path)
        await async_in_thread(make_folder, "path", save_path)
        signal = stream.options.get("signal")
        saver = AsyncSaver(
            save_path,
            stream.endpoint_id,
            self._dispatcher,
            self._limits,
            signal=signal,
            overwrite=self._overwrite,
        )
        try:
            async with stream:
                await self._read(saver)
        except GeneratorExit:
            raise  # a coroutine that is being closed can't await anything
        except Exception as error:
            await self._keep(saver, with_buffer=not isinstance(error, FalStreamError))
            raise
        except BaseException:
            await async_complete_despite_cancellation(self._keep_soon(saver), _do_nothing)
            raise
        finally:
            saver.leave()
        if self._failure is not None:
            self._failure.paths = saver.paths
            raise self._failure
        return saver.paths

    async def _read(self, saver: AsyncSaver) -> None:
        stream = self._stream
        # Chunks that were taken before are not searched.
        number = before = stream._count - len(stream.buffer)
        size = 0
        async for chunk in stream:
            number += 1
            if isinstance(chunk, bytes):
                size += len(chunk)
                self._check_body(before, size)
                await saver.write(chunk, stream.response_headers)
            elif self._previews:
                await self._save(saver, chunk, number)
            elif self._files_in is None and next(find_files_in_chunk(chunk, self._hosts), None):
                self._files_in = number
        last = await stream.done()
        if stream.signal.aborted:
            await self._keep(saver)
        elif size:
            if number != stream._count:
                raise self._error("Pieces of it were taken by another reader of the stream")
            await saver.finish()
        else:
            if not self._previews or number == before:
                await self._save(saver, last, stream._count)
            if not saver.paths and self._failure is None:
                raise self._no_file_error(last)

    async def _keep_soon(self, saver: AsyncSaver) -> Path | None:
        """Keep what has arrived, but wait only briefly for a disk that hangs."""
        keep: Callable[[], Any] = partial(self._keep, saver)
        await async_call_with_timeout(_DISK_TIMEOUT, keep)
        return saver.leave()

    async def _keep(self, saver: AsyncSaver, *, with_buffer: bool = True) -> None:
        stream = self._stream
        try:
            # The bytes that arrived before the stream was interrupted, and were not taken.
            with contextlib.suppress(FileError):
                while with_buffer and stream.buffer and isinstance(stream.buffer[0], bytes):
                    await saver.write(stream.buffer.popleft(), stream.response_headers)
            await saver.keep()
        finally:
            path = saver.leave()
            if path is not None:
                _logger.warning("A file broke off; the part that arrived is in %s", path)

    def _check_body(self, before: int, size: int) -> None:
        if before:
            raise self._error(
                f"The response is one file, and {counted(before, 'piece')} of it came before "
                "save(): make a new stream, and save it instead of reading it"
            )
        if size > self._limits.max_bytes:
            raise self._error(
                f"The response has more than {counted(self._limits.max_bytes, 'byte')}: give a "
                "larger `max_bytes` if it is meant",
                option="max_bytes",
            )

    async def _save(self, saver: AsyncSaver, chunk: object, number: int) -> None:
        found = filter(self._once.is_new, find_files_in_chunk(chunk, self._hosts))
        for count, file in enumerate(found):
            try:
                if count == MAX_SAVED_FILES:
                    raise self._error(f"A chunk has more than {MAX_SAVED_FILES:,} files")
                await saver.save(file, number)
            except FileError as error:
                if isinstance(error.__cause__, OSError) or count == MAX_SAVED_FILES:
                    error.paths = saver.paths
                    raise
                # The other files can still be saved.
                self._failure = self._failure or error

    def _no_file_error(self, last: object) -> FileError:
        if last is None:
            return self._error("There is no file to save: no chunk came")
        hint = "iterate the stream to see what it gives, or use audio() for audio in pieces"
        if self._files_in is not None:
            hint = f"chunk {self._files_in:,} had one: give previews=True"
        return self._error(f"There is no file to save: the last chunk {shown_fields(last)}; {hint}")

    def _error(self, message: str, option: FileOption | None = None) -> FileError:
        stream = self._stream
        return FileError(
            message,
            option=option,
            endpoint_id=stream.endpoint_id,
            request_id=stream.request_id,
        )


def _do_nothing() -> None:
    """Do nothing: the wait for the disk has a limit of its own."""
