"""`File`: a file in a chunk: its metadata, and methods to read and save it."""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from .._checks import check_bool, safe_repr
from .._net.cancellation import async_in_thread
from .._net.flavour_hints import AsyncIteratorHints
from .._net.result_hints import async_result_hints
from .._saving.part_file import PartFile
from .._saving.save_path import make_folder, parse_save_path
from .._shared.api_errors import shown_type
from .._shared.chunk_file_finder import ChunkFileFinder
from .._shared.chunk_files import SeenFiles, find_files_in_chunk
from .._shared.file_bundle import file_mime_bundle
from .._shared.file_hosts import make_file_hosts
from .._shared.file_limits import DEFAULT_MAX_BYTES, DEFAULT_SECONDS, FileLimits
from .._shared.found_file import FoundFile
from .._shared.stream_state import STOPPED
from ..abort import AbortSignal
from ..errors import FileError
from .dispatch import AsyncDispatcher
from .file_writer import read_file, save_file

if TYPE_CHECKING:
    from .stream import AsyncFalStream


class AsyncFile:
    """A file in a chunk: its data, or its URL.

    `stream.files()` and `find_files_async()` return it. It is decoded or downloaded only when it is
    read or saved. A notebook displays images, audio and video.
    """

    def __init__(
        self,
        found: FoundFile,
        dispatcher: AsyncDispatcher | None = None,
        signal: AbortSignal | None = None,
    ) -> None:
        self._found = found
        self._dispatcher = dispatcher
        self._signal = signal

    @property
    def url(self) -> str:
        """Its URL: http, https, or a data URI. Base64 in a chunk becomes a data URI."""
        return self._found.url

    @property
    def content_type(self) -> str | None:
        """Its media type, such as `image/png`, as given by the model or by its data, or None."""
        return self._found.content_type

    @property
    def file_name(self) -> str | None:
        """Its name as the model gives it, made safe as a file name, or None."""
        return self._found.file_name

    @property
    def width(self) -> int | None:
        """Its width in pixels as given by the model, or None."""
        return self._found.width

    @property
    def height(self) -> int | None:
        """Its height in pixels as given by the model, or None."""
        return self._found.height

    @property
    def place(self) -> str:
        """Its place in the chunk, such as `images[0]`; `""` if the chunk itself is the file."""
        return self._found.place

    @async_result_hints
    async def read(
        self,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | None = DEFAULT_SECONDS,
    ) -> bytes:
        """Return its bytes. If the chunk contains only its URL, it is downloaded, without the key.

        Args:
            max_bytes: The largest size in bytes. Default 512 MiB.
            timeout: Seconds that the download may take, None for no limit. Default 600.

        Returns:
            The bytes.

        Raises:
            FileError: Its host is not one that files are downloaded from, it can't be downloaded
                within these limits, or it is not valid as a data URI or base64. The message names
                its place.
            ConfigError: An argument can't be used, or the client is closed.
        """
        limits = FileLimits(max_bytes, timeout)
        return await read_file(self._found, self._dispatcher_of_file(), limits, self._signal)

    @async_result_hints
    async def save(
        self,
        path: str | PathLike[str],
        *,
        overwrite: bool = False,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | None = DEFAULT_SECONDS,
    ) -> Path:
        """Save the file. It gets its name when it is complete.

        Args:
            path: A folder, which is created if it doesn't exist, or a file. A path is a folder if
                it exists as one, if it ends in a slash, or if it has no suffix.
            overwrite: Whether an existing file is replaced. Default False: `-2` is added to the
                name.
            max_bytes: The largest size in bytes. Default 512 MiB.
            timeout: Seconds that the download may take, None for no limit. Default 600.

        Returns:
            The path of the saved file.

        Raises:
            FileError: It can't be read, for the same reasons as in `read()`, or can't be written.
            ConfigError: An argument can't be used, or the client is closed.
        """
        limits = FileLimits(max_bytes, timeout)
        check_bool("overwrite", overwrite)
        save_path = await async_in_thread(parse_save_path, "path", path)
        await async_in_thread(make_folder, "path", save_path)

        def make_part(content_type: str | None) -> PartFile:
            name = save_path.name or self._found.name(fetched_type=content_type)
            return PartFile(save_path.folder, name, overwrite=overwrite)

        dispatcher = self._dispatcher_of_file()
        return await save_file(self._found, dispatcher, limits, self._signal, make_part)

    def _dispatcher_of_file(self) -> AsyncDispatcher:
        if self._dispatcher is None:
            from .api import _default_async_client

            self._dispatcher = _default_async_client()._dispatcher
        return self._dispatcher

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._found!r}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return file_mime_bundle(self._found, repr(self))


def find_files_async(chunk: object, *, hosts: Collection[str] = ()) -> list[AsyncFile]:
    """Find the files in a chunk; nothing is downloaded.

    These are files: a data URI; base64 in a field `b64_json`; a URL on fal's file hosts or on one
    of `hosts`; an object with a `url` that looks like fal's `File` or `Image`; and the URL of an
    image, audio or video in a field whose name says so. Files below 200 levels of nesting are not
    found.

    Args:
        chunk: The chunk: JSON values, pydantic models, dataclasses.
        hosts: Hosts besides fal's own that files may be downloaded from: a host name such as
            `cdn.example.com` (over https), or scheme, host and port such as
            `http://127.0.0.1:8000`. Default: none.

    Returns:
        The files, in their order in the chunk, each once.

    Raises:
        ConfigError: A host is not valid.
    """
    found = find_files_in_chunk(chunk, make_file_hosts(None, hosts))
    return [AsyncFile(file) for file in filter(SeenFiles().is_new, found)]


class AsyncFiles(AsyncIteratorHints):
    """The iterator of `stream.files()`.

    Args:
        stream: The stream.
        reader: Finds the files in the chunks.
        dispatcher: Sends the requests for the files; None for the module's own client.
    """

    def __init__(
        self,
        stream: AsyncFalStream[Any],
        reader: ChunkFileFinder,
        dispatcher: AsyncDispatcher | None,
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._dispatcher = dispatcher
        self._signal = stream.options.get("signal")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AsyncFile:
        reader = self._reader
        while True:
            for found in reader.found:
                reader.has_found = True
                return AsyncFile(found, self._dispatcher, self._signal)
            try:
                chunk = await self._stream.__anext__()
            except StopAsyncIteration:
                self._check_found()
                raise
            reader.take(chunk)
            if isinstance(chunk, bytes):
                await self._stream.aclose()
                raise FileError(
                    f"The response is {shown_type(self._stream.response_headers)}, one file, and "
                    "not chunks with files in them: use save(), or iterate the stream",
                    endpoint_id=self._stream.endpoint_id,
                )

    def _check_found(self) -> None:
        stream, reader = self._stream, self._reader
        # Another consumer may have taken the chunks with the files.
        if reader.has_found or STOPPED in stream._reached or stream._count != reader.chunk_count:
            return
        error = reader.missing_error()
        error.endpoint_id = stream.endpoint_id
        error.request_id = stream.request_id
        raise error from None


def async_files_of(
    stream: AsyncFalStream[Any], hosts: Collection[str], dispatcher: AsyncDispatcher | None
) -> AsyncFiles:
    """Return the files of a stream, continuing an earlier iteration with the same hosts.

    Args:
        stream: The stream.
        hosts: Hosts that files are downloaded from besides fal's own and the client's servers.
        dispatcher: Sends the requests for the files; None for the module's own client.

    Raises:
        ConfigError: A host is not valid.
    """
    file_hosts = make_file_hosts(stream._settings, hosts)
    reader = stream._file_finder
    if reader is None or reader.hosts != file_hosts:
        reader = stream._file_finder = ChunkFileFinder(file_hosts)
    return AsyncFiles(stream, reader, dispatcher)
