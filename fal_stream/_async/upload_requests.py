"""The requests of an upload: get the upload URL, send the bytes there, complete the upload.

The server's response is not trusted: an upload URL gets neither the key nor a header of the user,
and is checked before anything is sent to it. A request with bytes of a file is retried if it fails,
because it is idempotent.
"""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from .._input_files.source import FileSource
from .._net.async_exchange import AsyncExchange, async_new_exchange
from .._net.call_thread import CallThread
from .._shared import upload_protocol
from .._shared.endpoint import host_of, is_loopback
from .._shared.prepared_request import OUR_HEADERS, PreparedRequest, api_request
from .._shared.storage_settings import HEADER as LIFECYCLE_HEADER
from .._shared.watchdog import Limits, Watchdog
from ..abort import AbortSignal, call_on_abort
from ..config import AnySettings
from ..errors import ApiError, StreamConnectionError
from .dispatch import AsyncDispatcher
from .http.response import AsyncStreamResponse
from .json_response import read_json
from .upload_body import AsyncFileBody, FilePart

# An upload URL is signed, so the usual advice about the key doesn't apply.
_NO_KEY = {403: "the address that fal gave for the upload was refused, or its time is over"}

_logger = logging.getLogger("fal_stream")


class AsyncUploadRequests:
    """Sends the requests of uploads.

    Args:
        config: The client's settings.
        dispatcher: Sends requests to fal.
        limits: The time limits. `total` is for everything that is sent from now on, the others are
            for each request.
    """

    def __init__(self, config: AnySettings, dispatcher: AsyncDispatcher, limits: Limits) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._sender = dispatcher.sender
        self._limits = limits
        self._began = time.monotonic()

    @contextlib.contextmanager
    def exchange(self, signal: AbortSignal) -> Iterator[AsyncExchange]:
        """Return an exchange that the signal and the client can abort."""
        watchdog = Watchdog(self._limits, time.monotonic)
        watchdog.add_waited(time.monotonic() - self._began)
        exchange = async_new_exchange(watchdog)
        self._sender.register(exchange)
        unsubscribe = call_on_abort(signal, exchange.abort)
        try:
            yield exchange
        finally:
            self._sender.unregister(exchange)
            unsubscribe()

    async def initiate(
        self, source: FileSource, lifecycle: str | None, signal: AbortSignal, *, in_parts: bool
    ) -> upload_protocol.UploadTarget:
        """Request the URL to upload a file to, in one request or in parts."""
        url = upload_protocol.initiate_url(self._config.rest_url, in_parts=in_parts)
        content = {"content_type": source.content_type, "file_name": source.name}
        headers = {} if lifecycle is None else {LIFECYCLE_HEADER: lifecycle}
        request = api_request(self._config, url, content, headers)
        with self.exchange(signal) as exchange:
            answer = await read_json(await self._dispatcher.dispatch(request, exchange))
        return upload_protocol.check_initiated(
            answer, is_local=is_loopback(host_of(urlsplit(url).netloc))
        )

    async def put_part(
        self, target: upload_protocol.UploadTarget, number: int, part: FilePart, signal: AbortSignal
    ) -> upload_protocol.UploadedPart:
        """Send a part of a file; parts are numbered from 1."""
        request = put_request(upload_protocol.part_url(target.upload_url, number), part, None)
        return upload_protocol.check_part(
            await self.put(request, part, signal, is_json=True), number
        )

    async def complete(
        self,
        target: upload_protocol.UploadTarget,
        parts: Sequence[upload_protocol.UploadedPart],
        signal: AbortSignal,
    ) -> None:
        """Tell the storage that all parts were sent."""
        body = upload_protocol.completion(parts)
        request = PreparedRequest(
            "POST",
            upload_protocol.complete_url(target.upload_url),
            _headers("application/json", len(body)),
            body,
            omit_default_headers=True,
        )
        with self.exchange(signal) as exchange:
            response = await self._dispatcher.dispatch(request, exchange, as_is=True)
            await _check_success(response, exchange)

    async def put(
        self,
        request: PreparedRequest,
        part: FilePart,
        signal: AbortSignal,
        *,
        is_json: bool = False,
    ) -> Any:
        """Send bytes of a file, with retries; return the response if it has to be JSON."""
        policy = self._config.retry
        retry = 0
        with CallThread() as thread:
            while True:
                with self.exchange(signal) as exchange:
                    body = AsyncFileBody(part, exchange, thread, self._sender.piece_bytes)
                    try:
                        response = await self._sender.request(replace(request, body=body), exchange)
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


def put_request(url: str, part: FilePart, content_type: str | None) -> PreparedRequest:
    """Return the request that sends a part of a file, without its body.

    Args:
        url: The signed upload URL.
        part: The part.
        content_type: The media type of the file, or None.
    """
    return PreparedRequest(
        "PUT", url, _headers(content_type, part.length), omit_default_headers=True
    )


def _headers(content_type: str | None, length: int) -> dict[str, str]:
    """Return the headers of a request to an upload URL, which don't identify the user."""
    headers = {**OUR_HEADERS, "content-length": str(length)}
    if content_type is not None:
        headers["content-type"] = content_type
    return headers


def _may_pass(error: ApiError | StreamConnectionError) -> bool:
    """Return whether a retry may help."""
    if isinstance(error, StreamConnectionError):
        return error.transient
    return error.retryable is not False and (error.status in (408, 429) or error.status >= 500)


async def _check_success(response: AsyncStreamResponse, exchange: AsyncExchange) -> None:
    if 200 <= response.status < 300:
        await response.discard()
    else:
        await read_json(response, _NO_KEY)
