"""Upload files to fal's storage: get an upload URL, then send the bytes there.

Promises: a file is read in pieces while it is sent, by one thread for each part, so memory stays
bounded whatever its size.

Not here: which objects are files, and reading them (`_input_files`), and the requests
(`upload_requests`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from .._input_files.readers import FileReadError
from .._input_files.source import FileSource, open_file
from .._net.call_thread import CallThread
from .._net.cancellation import async_in_thread
from .._shared import upload_protocol
from .._shared.inputs import InputFile
from .._shared.media_types import HEAD_BYTES
from .._shared.stream_errors import upload_timeout_error
from .._shared.watchdog import Expired, Limits
from .._signal_errors import raised_by_signal_handler
from ..abort import AbortController, AbortSignal, call_on_abort
from ..config import AnySettings
from ..errors import ApiError, ConfigError, StreamConnectionError, StreamDecodeError, UploadError
from .dispatch import AsyncDispatcher
from .run_limited import async_run_limited
from .upload_body import FilePart, PieceSource, call_in
from .upload_requests import AsyncUploadRequests, put_request


class AsyncUploader:
    """Uploads files for one client.

    Args:
        config: The client's settings.
        dispatcher: Sends requests to fal.
        limits: The time limits. `total` is for everything that the uploader does from now on, the
            others are for each request.
    """

    def __init__(self, config: AnySettings, dispatcher: AsyncDispatcher, limits: Limits) -> None:
        self._requests = AsyncUploadRequests(config, dispatcher, limits)

    async def upload_all(self, files: Sequence[InputFile], signal: AbortSignal) -> list[str]:
        """Upload the files of an input, several at once, and return their URLs in the same order.

        Raises:
            ConfigError: A file can't be uploaded; nothing was sent.
            UploadError: An upload failed; the other uploads were aborted.
            StreamTimeout: A limit has run out.
            Aborted: The signal was aborted.
        """
        group = AbortController()
        sources: list[FileSource] = []
        try:
            for found in files:
                source = await self.prepare(found.place, found.file, None, None, signal)
                sources.append(source)
            jobs = [
                partial(self.upload, source, found.place, None, group.signal)
                for source, found in zip(sources, files, strict=True)
            ]
            return await _all(jobs, upload_protocol.FILES_AT_ONCE, group, signal)
        finally:
            for source in sources:
                source.close()

    async def prepare(
        self,
        place: str,
        file: object,
        content_type: str | None,
        file_name: str | None,
        signal: AbortSignal,
    ) -> FileSource:
        """Open a file for upload.

        Args:
            place: What to call the file in messages.
            file: The file.
            content_type: The media type of the file; None to detect it.
            file_name: The name of the file; None for its own name.
            signal: Aborts the wait.

        Raises:
            ConfigError: The file can't be uploaded.
            StreamTimeout: A limit has run out.
            Aborted: The signal was aborted.
        """
        try:
            with self._requests.exchange(signal) as exchange:
                source: FileSource = await exchange.call(
                    async_in_thread,
                    open_file,
                    place,
                    file,
                    content_type,
                    file_name,
                    undo=FileSource.close,
                )
                return source
        except Expired as expired:
            raise upload_timeout_error(expired, place) from None

    async def upload(
        self, source: FileSource, place: str, lifecycle: str | None, signal: AbortSignal
    ) -> str:
        """Upload a file, close it, and return its URL.

        Args:
            source: The file.
            place: What to call the file in messages.
            lifecycle: The value of the header that tells fal how long to keep the file, or None.
            signal: Aborts the upload.

        Raises:
            ConfigError: The credentials can't be used.
            UploadError: The upload failed.
            StreamTimeout: A limit has run out.
            Aborted: The signal was aborted.
        """
        try:
            if source.size is None:
                return await self._upload_stream(source, lifecycle, signal)
            if source.is_unknown:
                with self._requests.exchange(signal) as exchange:
                    await exchange.call(async_in_thread, source.identify)
            if source.size <= upload_protocol.MAX_SINGLE:
                part = FilePart(source, 0, source.size)
                return await self._upload_whole(source, part, lifecycle, signal)
            return await self._upload_parts(source, lifecycle, signal)
        except ConfigError:
            raise
        except Expired as expired:
            raise upload_timeout_error(expired, f"{place} ({source.name})") from None
        except (ApiError, StreamConnectionError) as error:
            reason, cause = error.message, error
        except (StreamDecodeError, FileReadError, ValueError) as error:
            if raised_by_signal_handler(error) is not None:
                raise
            if isinstance(error, StreamDecodeError):
                # The response is not shown, because it may contain the signed URL.
                reason = "the storage answered with something that is not JSON"
            else:
                reason = str(error)
            cause = None
        finally:
            source.close()
        raise UploadError(
            f"{place} ({source.name}) could not be uploaded: {reason}",
            file_name=source.name,
            place=place,
            request_id=cause.request_id if cause else None,
        ) from cause

    async def _upload_whole(
        self,
        source: FileSource,
        part: FilePart,
        lifecycle: str | None,
        signal: AbortSignal,
    ) -> str:
        target = await self._requests.initiate(source, lifecycle, signal, in_parts=False)
        request = put_request(target.upload_url, part, source.content_type)
        await self._requests.put(request, part, signal)
        return target.file_url

    async def _upload_parts(
        self, source: FileSource, lifecycle: str | None, signal: AbortSignal
    ) -> str:
        assert source.size is not None, "a stream is sent part by part"
        target = await self._requests.initiate(source, lifecycle, signal, in_parts=True)
        group = AbortController()
        jobs = [
            partial(
                self._requests.put_part,
                target,
                number,
                FilePart(source, offset, length),
                group.signal,
            )
            for number, offset, length in upload_protocol.split(source.size)
        ]
        parts = await _all(jobs, upload_protocol.PARTS_AT_ONCE, group, signal)
        await self._requests.complete(target, parts, signal)
        return target.file_url

    async def _upload_stream(
        self, source: FileSource, lifecycle: str | None, signal: AbortSignal
    ) -> str:
        with CallThread() as thread:
            piece = await self._next_piece(source, signal, thread)
            source.identify(piece[:HEAD_BYTES])
            if len(piece) < upload_protocol.PART_SIZE:
                part = FilePart(PieceSource(piece), 0, len(piece))
                return await self._upload_whole(source, part, lifecycle, signal)
            target = await self._requests.initiate(source, lifecycle, signal, in_parts=True)
            parts: list[upload_protocol.UploadedPart] = []
            while piece:
                part = FilePart(PieceSource(piece), 0, len(piece))
                number = len(parts) + 1
                parts.append(await self._requests.put_part(target, number, part, signal))
                piece = await self._next_piece(source, signal, thread)
        await self._requests.complete(target, parts, signal)
        return target.file_url

    async def _next_piece(
        self, source: FileSource, signal: AbortSignal, thread: CallThread
    ) -> bytes:
        """Read the bytes of the next part of a stream; fewer only at its end."""
        pieces = bytearray()
        with self._requests.exchange(signal) as exchange:
            while missing := upload_protocol.PART_SIZE - len(pieces):
                piece = await call_in(thread, exchange, source.read_next, missing)
                if not piece:
                    break
                pieces += piece
                exchange.progress()
        return bytes(pieces)


async def _all(
    jobs: Sequence[Any], limit: int, group: AbortController, signal: AbortSignal
) -> list[Any]:
    """Run jobs that an abort of their group ends; an abort of the signal aborts the group."""
    unsubscribe = call_on_abort(signal, group.abort)
    try:
        return await async_run_limited(jobs, limit, group.abort)
    finally:
        unsubscribe()
