"""Download files whose URLs are in a chunk.

Promises: no key, cookie or header of the user is sent. A redirect is followed only to a host that
files may be downloaded from. Nothing is decompressed. Size and time are limited.

Not here: which hosts are allowed (`FileHosts`), and writing files to disk (`file_writer`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias
from urllib.parse import urljoin

from .._net.async_exchange import async_new_exchange
from .._net.exchange import Aborted
from .._shared.file_hosts import encoded_url, shown_url
from .._shared.file_limits import FileLimits
from .._shared.found_file import FoundFile
from .._shared.media_types import checked_type
from .._shared.prepared_request import OUR_HEADERS, PreparedRequest
from .._shared.watchdog import Expired, Limits, Watchdog
from ..abort import AbortSignal, call_on_abort
from ..errors import FileError, StreamConnectionError, counted
from .dispatch import AsyncDispatcher

if TYPE_CHECKING:
    from .http.response import AsyncStreamResponse

SILENCE = 30.0  # seconds; for the response head, and between two pieces of the body
_REDIRECTS = 5

FileOption: TypeAlias = Literal["hosts", "max_bytes", "timeout"]


async def start_download(
    found: FoundFile, limits: FileLimits, dispatcher: AsyncDispatcher, signal: AbortSignal | None
) -> AsyncDownload:
    """Request a file, and wait for the head of the response.

    Args:
        found: The file.
        limits: The largest size and the longest time.
        dispatcher: Sends the requests.
        signal: Aborts the download; may be None.

    Returns:
        The download, which has to be read and released.

    Raises:
        FileError: The file can't be downloaded.
        ConfigError: The client is closed.
    """
    download = AsyncDownload(found, limits, dispatcher)
    await download.start(signal)
    return download


class AsyncDownload:
    """A file that is being downloaded.

    Args:
        found: The file.
        limits: The largest size and the longest time.
        dispatcher: Sends the requests.

    Attributes:
        content_type: The media type that the server gives, or None.
    """

    def __init__(self, found: FoundFile, limits: FileLimits, dispatcher: AsyncDispatcher) -> None:
        self.content_type: str | None = None
        self._found = found
        self._max_bytes = limits.max_bytes
        self._timeout = limits.timeout
        self._dispatcher = dispatcher
        self._size = 0
        self._response: AsyncStreamResponse | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._watchdog = Watchdog(
            Limits(start=SILENCE, idle=SILENCE, total=limits.timeout), time.monotonic
        )
        self._exchange = async_new_exchange(self._watchdog)

    async def start(self, signal: AbortSignal | None) -> None:
        """Request the file, and wait for the head of the response; see `start_download`."""
        request = self._request()
        self._dispatcher.sender.register(self._exchange)
        self._unsubscribe = None if signal is None else call_on_abort(signal, self._exchange.abort)
        try:
            self._response = await self._follow_redirects(request)
            self._watchdog.on_start()
            self.content_type = checked_type(self._response.headers.get("content-type"))
        except BaseException as error:
            await self.release()
            self._raise(error)

    def _request(self) -> PreparedRequest:
        url = encoded_url(self._found.url)
        if url is None or not self._found.hosts.allows(url):
            raise self._error(
                f"is on a host that files are not downloaded from ({shown_url(self._found.url)}): "
                "if you trust it, name it in `hosts` where the file is looked for",
                "hosts",
            )
        return PreparedRequest("GET", url, OUR_HEADERS, omit_default_headers=True)

    async def _follow_redirects(self, request: PreparedRequest) -> AsyncStreamResponse:
        for _ in range(_REDIRECTS + 1):
            response = self._response = await self._dispatcher.dispatch(
                request, self._exchange, as_is=True
            )
            redirected = request.at(_target_of(request.url, response.status, response.headers))
            if redirected is None:
                self._check(response)
                return response
            await response.discard()
            if not self._found.hosts.allows(redirected.url):
                raise self._error(
                    "was redirected to a host that files are not downloaded from "
                    f"({shown_url(redirected.url)})",
                    "hosts",
                )
            request = redirected
        raise self._error("was redirected from one address to the next")

    def _check(self, response: AsyncStreamResponse) -> None:
        if response.status != 200:
            raise self._error(
                f"could not be fetched: its server answered with status {response.status}"
            )
        if response.headers.get("content-encoding", "identity").lower() not in ("identity", "none"):
            raise self._error("came compressed, which was not requested")
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length[:19]) > self._max_bytes:
            raise too_large(self._found, self._max_bytes)

    async def read(self) -> bytes:
        """Wait for bytes of the file.

        Returns:
            Some bytes, or `b""` at the end of the file.

        Raises:
            FileError: The download broke off, took too long, or is too large.
        """
        response = self._response
        assert response is not None, "it is open"
        try:
            data = await response.read()
            self._watchdog.on_data()
            self._size += len(data)
            if self._size > self._max_bytes:
                raise too_large(self._found, self._max_bytes)
            return data
        except Exception as error:
            self._raise(error)

    async def release(self) -> None:
        """Release the connection."""
        response, self._response = self._response, None
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        try:
            if response is not None:
                await response.release()
        finally:
            self._dispatcher.sender.unregister(self._exchange)
            if unsubscribe is not None:
                unsubscribe()

    def _raise(self, error: BaseException) -> NoReturn:
        """Raise the `FileError` for an exception, or the exception itself."""
        if isinstance(error, StreamConnectionError):
            raise self._error(f"could not be fetched: {error.message}") from error
        if isinstance(error, Aborted):
            failure = self._error("was not fetched: it was aborted, or its client was closed")
        elif isinstance(error, Expired) and error.phase == "total":
            failure = self._error(
                f"was not complete after {error.seconds:g} s: give a longer `timeout`", "timeout"
            )
        elif isinstance(error, Expired):
            failure = self._error(f"could not be fetched: nothing came for {error.seconds:g} s")
        else:
            raise error
        raise failure from None

    def _error(self, what: str, option: FileOption | None = None) -> FileError:
        return file_error(self._found, what, option)


def file_error(found: FoundFile, what: str, option: FileOption | None = None) -> FileError:
    """Return the error of a file, whose message begins with the place of the file.

    Args:
        found: The file.
        what: What is wrong with the file.
        option: The argument that may help. Default: none.
    """
    message = f"{found.place or 'the chunk'} {what}"
    return FileError(message, place=found.place, option=option)


def too_large(found: FoundFile, max_bytes: int) -> FileError:
    """Return the error of a file that is too large."""
    what = f"has more than {counted(max_bytes, 'byte')}: give a larger `max_bytes` if it is meant"
    return file_error(found, what, "max_bytes")


def _target_of(url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Return the target of a redirect, or None if the response is not one."""
    location = headers.get("location")
    if location is None or status not in (301, 302, 303, 307, 308):
        return None
    try:
        return encoded_url(urljoin(url, location)) or location
    except ValueError:
        return location
