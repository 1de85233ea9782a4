"""Upload files to fal's storage: get an upload address, then send the bytes there.

Promises: a file is read in pieces as they are sent, by one thread for each part, so memory stays
bounded whatever its size. What the server answers is not trusted: an upload address gets no key and
no header of the user's, and is checked before a byte goes there. A request with bytes of a file is
sent again where it failed, for it says the same twice.

Leaves to others: which files there are, and reading them (`_files`).
"""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from .._files.readers import FileReadError
from .._files.source import FileSource, open_file
from .._net.async_exchange import AsyncExchange, async_new_exchange
from .._net.call_thread import CallThread
from .._net.cancellation import async_in_thread
from .._net.run_limited import async_run_limited
from .._shared import uploads
from .._shared.endpoint import is_loopback
from .._shared.inputs import InputFile
from .._shared.media_types import HEAD_BYTES
from .._shared.prepared_request import OUR_HEADERS, PreparedRequest, api_request
from .._shared.storage_settings import HEADER as LIFECYCLE_HEADER
from .._shared.stream_errors import upload_timeout_error
from .._shared.watchdog import Expired, Limits, Watchdog
from ..abort import AbortController, AbortSignal, follow
from ..config import AnySettings
from ..errors import (
    ApiError,
    ConfigError,
    StreamConnectionError,
    StreamDecodeError,
    UploadError,
)
from .dispatch import AsyncDispatcher, read_json
from .http.response import AsyncStreamResponse
from .http.sender import AsyncSender
from .upload_body import AsyncFileBody, FilePart, PieceSource, call_in

FILES_AT_ONCE = 4
PARTS_AT_ONCE = 4

# An upload address is signed: a key has nothing to do with what is wrong there.
_NO_KEY = {403: "the address that fal gave for the upload was refused, or its time is over"}

_logger = logging.getLogger("fal_stream")


class AsyncUploader:
    """Uploads files for one client.

    Args:
        config: The client's settings.
        dispatcher: Sends requests to fal.
        sender: The connections that files are sent by.
        limits: The time limits: the total one of all that it does from now on, the others of each
            request.
    """

    def __init__(
        self,
        config: AnySettings,
        dispatcher: AsyncDispatcher,
        sender: AsyncSender,
        limits: Limits,
    ) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._sender = sender
        self._limits = limits
        self._began = time.monotonic()

    async def upload_all(self, files: Sequence[InputFile], signal: AbortSignal) -> list[str]:
        """Upload the files of an input, some of them at once.

        Args:
            files: The files.
            signal: Ends the uploads.

        Returns:
            Their addresses, in the same order.

        Raises:
            ConfigError: One can't be uploaded; nothing was sent.
            UploadError: An upload failed; those that were under way are ended.
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
            return await _all(jobs, FILES_AT_ONCE, group, signal)
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
        """Get a file ready to be uploaded.

        Args:
            place: What it is called in messages.
            file: The file.
            content_type: Its media type, or None: it is guessed.
            file_name: Its name, or None: the one that it has.
            signal: Ends the wait.

        Returns:
            The file.

        Raises:
            ConfigError: It can't be uploaded.
            StreamTimeout: A limit has run out.
            Aborted: The signal was aborted.
        """
        try:
            with self._exchange(signal) as exchange:
                source: FileSource = await exchange.call(
                    async_in_thread, open_file, place, file, content_type, file_name, undo=_close
                )
                return source
        except Expired as expired:
            raise upload_timeout_error(expired, place) from None

    async def upload(
        self, source: FileSource, place: str, lifecycle: str | None, signal: AbortSignal
    ) -> str:
        """Upload a file.

        Args:
            source: The file.
            place: What it is called in messages.
            lifecycle: The header that says how long it is kept, or None.
            signal: Ends the upload.

        Returns:
            Its address; the file is closed.

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
                with self._exchange(signal) as exchange:
                    await exchange.call(async_in_thread, source.identify)
            if source.size <= uploads.MAX_SINGLE:
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
            if isinstance(error, StreamDecodeError):
                # Not shown: it may hold the signed address.
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
        target = await self._initiate(source, lifecycle, signal, in_parts=False)
        await self._put(target.upload_url, part, source.content_type, signal)
        return target.file_url

    async def _upload_parts(
        self, source: FileSource, lifecycle: str | None, signal: AbortSignal
    ) -> str:
        assert source.size is not None, "a stream is sent part by part"
        target = await self._initiate(source, lifecycle, signal, in_parts=True)
        group = AbortController()
        jobs = [
            partial(
                self._put_part,
                target,
                number,
                FilePart(source, offset, length),
                group.signal,
            )
            for number, offset, length in uploads.split(source.size)
        ]
        parts = await _all(jobs, PARTS_AT_ONCE, group, signal)
        await self._complete(target, parts, signal)
        return target.file_url

    async def _upload_stream(
        self, source: FileSource, lifecycle: str | None, signal: AbortSignal
    ) -> str:
        with CallThread() as thread:
            return await self._upload_read(source, lifecycle, signal, thread)

    async def _upload_read(
        self, source: FileSource, lifecycle: str | None, signal: AbortSignal, thread: CallThread
    ) -> str:
        piece = await self._next_piece(source, signal, thread)
        source.identify(piece[:HEAD_BYTES])
        if len(piece) < uploads.PART_SIZE:
            part = FilePart(PieceSource(piece), 0, len(piece))
            return await self._upload_whole(source, part, lifecycle, signal)
        target = await self._initiate(source, lifecycle, signal, in_parts=True)
        parts: list[uploads.UploadedPart] = []
        while piece:
            part = FilePart(PieceSource(piece), 0, len(piece))
            parts.append(await self._put_part(target, len(parts) + 1, part, signal))
            piece = await self._next_piece(source, signal, thread)
        await self._complete(target, parts, signal)
        return target.file_url

    async def _next_piece(
        self, source: FileSource, signal: AbortSignal, thread: CallThread
    ) -> bytes:
        """Read as much of a stream as is sent at once, less at its end only."""
        pieces = bytearray()
        with self._exchange(signal) as exchange:
            while missing := uploads.PART_SIZE - len(pieces):
                piece = await call_in(thread, exchange, source.read_next, missing)
                if not piece:
                    break
                pieces += piece
                exchange.progress()
        return bytes(pieces)

    async def _initiate(
        self, source: FileSource, lifecycle: str | None, signal: AbortSignal, *, in_parts: bool
    ) -> uploads.UploadTarget:
        url = uploads.initiate_url(self._config.rest_url, in_parts=in_parts)
        content = {"content_type": source.content_type, "file_name": source.name}
        headers = {} if lifecycle is None else {LIFECYCLE_HEADER: lifecycle}
        request = api_request(self._config, url, content, headers)
        with self._exchange(signal) as exchange:
            answer = await self._dispatcher.fetch_json(request, exchange)
        return uploads.check_initiated(answer, is_local=is_loopback(urlsplit(url).hostname or ""))

    async def _put_part(
        self, target: uploads.UploadTarget, number: int, part: FilePart, signal: AbortSignal
    ) -> uploads.UploadedPart:
        url = uploads.part_url(target.upload_url, number)
        return uploads.check_part(await self._put(url, part, None, signal, is_json=True), number)

    async def _complete(
        self,
        target: uploads.UploadTarget,
        parts: Sequence[uploads.UploadedPart],
        signal: AbortSignal,
    ) -> None:
        url, body = uploads.complete_url(target.upload_url), uploads.completion(parts)
        request = PreparedRequest(
            "POST", url, _headers("application/json", len(body)), body, is_bare=True
        )
        with self._exchange(signal) as exchange:
            response = await self._dispatcher.dispatch(request, exchange, as_is=True)
            await _check_success(response, exchange)

    async def _put(
        self,
        url: str,
        part: FilePart,
        content_type: str | None,
        signal: AbortSignal,
        *,
        is_json: bool = False,
    ) -> Any:
        """Send bytes of a file, again where that fails; give the answer if it is to be JSON."""
        with CallThread() as thread:
            return await self._put_read(url, part, content_type, signal, thread, is_json=is_json)

    async def _put_read(
        self,
        url: str,
        part: FilePart,
        content_type: str | None,
        signal: AbortSignal,
        thread: CallThread,
        *,
        is_json: bool,
    ) -> Any:
        headers = _headers(content_type, part.length)
        policy = self._config.retry
        retry = 0
        while True:
            with self._exchange(signal) as exchange:
                body = AsyncFileBody(part, exchange, thread, self._sender.piece_bytes)
                try:
                    response = await self._sender.send(
                        PreparedRequest("PUT", url, headers, body, is_bare=True), exchange
                    )
                    if is_json:
                        return await read_json(response, _NO_KEY)
                    return await _check_success(response, exchange)
                except (ApiError, StreamConnectionError) as error:
                    if policy is None or retry >= policy.max_retries or not _may_pass(error):
                        raise
                    reason = error.message
                delay = policy.backoff(retry, random.random())
                _logger.info("Sending a part of a file again in %.1f s: %s", delay, reason)
                await exchange.sleep(delay)
                retry += 1

    @contextlib.contextmanager
    def _exchange(self, signal: AbortSignal) -> Iterator[AsyncExchange]:
        """Return an exchange that ends with the signal, and with the client."""
        watchdog = Watchdog(self._limits, time.monotonic)
        watchdog.charge(time.monotonic() - self._began)
        exchange = async_new_exchange(watchdog)
        self._sender.register(exchange)
        unsubscribe = follow(signal, exchange.abort)
        try:
            yield exchange
        finally:
            self._sender.unregister(exchange)
            unsubscribe()


def _close(source: FileSource) -> None:
    source.close()


async def _all(
    jobs: Sequence[Any], limit: int, group: AbortController, signal: AbortSignal
) -> list[Any]:
    """Do jobs that end with their group, and the group with a signal."""
    unsubscribe = follow(signal, group.abort)
    try:
        return await async_run_limited(jobs, limit, group.abort)
    finally:
        unsubscribe()


def _headers(content_type: str | None, length: int) -> dict[str, str]:
    """Return the headers of a request to an upload address: none that could say who sends it."""
    headers = {**OUR_HEADERS, "content-length": str(length)}
    if content_type is not None:
        headers["content-type"] = content_type
    return headers


def _may_pass(error: ApiError | StreamConnectionError) -> bool:
    """Return whether sending the same bytes again may help."""
    if isinstance(error, StreamConnectionError):
        return error.transient
    return error.retryable is not False and (error.status in (408, 429) or error.status >= 500)


async def _check_success(response: AsyncStreamResponse, exchange: AsyncExchange) -> None:
    if 200 <= response.status < 300:
        await response.discard()
    else:
        await read_json(response, _NO_KEY)
