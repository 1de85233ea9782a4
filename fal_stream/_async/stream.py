"""`AsyncFalStream`: one stream of chunks, from its start to its end, as users see it.

How chunks reach its consumers is in `readable_stream`, how it ends in `endable_stream`, and its
states with their diagram in `stream_state`.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from typing_extensions import Self, TypeVar

from .. import config as config_module
from .._checks import check_bool, safe_repr
from .._net.flavour_hints import AsyncIteratorHints
from .._net.flavour_pairs import async_check_function
from .._net.result_hints import async_result_hints
from .._shared.file_limits import DEFAULT_MAX_BYTES, DEFAULT_SECONDS, FileLimits
from .._shared.prepared_stream import PreparedStream
from .._shared.stream_state import CLOSED, OPEN
from ..config import Settings
from ..errors import ConfigError
from ..types import ServerSentEvent, StreamEventType, StreamOptions
from .chunk_reader import AsyncOpener
from .readable_stream import AsyncReadableStream

if TYPE_CHECKING:
    from .._shared.chunk_fields import ChunkField
    from .._shared.chunk_file_finder import ChunkFileFinder
    from .._shared.text_reader import TextReader
    from .dispatch import AsyncDispatcher
    from .file import AsyncFile

ChunkT = TypeVar("ChunkT", default=Any)


class AsyncFalStream(AsyncReadableStream[ChunkT]):
    """A stream of chunks from a model that is still running.

    It is created by `AsyncStreamingClient.stream`, which sends nothing: the stream starts with
    `async with`, the first iteration, `done()`, `start()` or `await`.

    Attributes:
        endpoint_id: The endpoint that is streamed from.
        url: The URL that is streamed from, with its query.
        options: The options that were given.
        buffer: The chunks that have arrived but have not been iterated over.
        current_data: The last chunk that arrived, or None.
        last_event_timestamp: When the last chunk or raw event arrived, in seconds since the epoch,
            or None.
        closed: Whether the stream has ended: nothing more will come from the server.
    """

    def __init__(
        self,
        settings: Settings,
        prepared: PreparedStream,
        options: StreamOptions,
        opener: AsyncOpener,
        dispatcher: AsyncDispatcher,
    ) -> None:
        super().__init__(prepared, opener, options.get("signal"))
        self.url: str = prepared.request.url
        self.options = options
        self._settings = settings
        self._dispatcher = dispatcher
        self._text_reader: TextReader | None = None
        self._file_finder: ChunkFileFinder | None = None

    @property
    def config(self) -> config_module.Config:
        """The settings of the client."""
        return self._settings.config

    @property
    def listeners(self) -> Mapping[str, list[Callable[[Any], Any]]]:
        """The listeners, by event type."""
        return self._listeners.by_type

    def on(self, type: StreamEventType, listener: Callable[[Any], Any]) -> Self:
        """Add a listener: a function that is called for each event of a type.

        If a listener raises, the exception is logged, and the stream goes on.

        Args:
            type: `data` or `message` (called with each chunk), `error` (with the error that ended
                the stream), `done` (with the last chunk, if the stream ended without an error or an
                abort).
            listener: A function of one argument, plain or a coroutine function. It must not read
                its own stream. If the task that reads the stream is cancelled, a listener that is
                still running half a second later is cancelled too.

        Returns:
            The stream. If it has ended, there is a UserWarning, because the listener will never be
            called.

        Raises:
            ConfigError: The type is unknown, or the listener is not callable.
        """
        async_check_function("listener", listener)
        self._listeners.add(type, listener)
        # The last call may still come, while other listeners are waited for.
        if CLOSED in self._reached and self._final_event is None:
            warnings.warn(
                f"{self!r} has ended, so a listener for {type!r} is never called: add listeners "
                "before the stream is read; done() still gives the last chunk or the error",
                UserWarning,
                stacklevel=2,
            )
        return self

    def off(self, type: StreamEventType, listener: Callable[[Any], Any]) -> Self:
        """Remove a listener, if it was added.

        Args:
            type: The event type.
            listener: The function that was registered.

        Returns:
            The stream.

        Raises:
            ConfigError: The type is unknown.
        """
        self._listeners.remove(type, listener)
        return self

    @async_result_hints
    async def show(self, *, markdown: bool = False) -> ChunkT | None:
        """Run the stream to its end, and display it while it runs.

        In a notebook, this is one output that is updated; in a terminal, some lines (by rich if it
        is installed); in a file or a pipe, the text at the end. Text grows, each image replaces the
        one before, audio and video get a player, a workflow has a line for each node, and a last
        line shows the progress, the number of chunks and the seconds. Chunks are taken out of the
        stream, as by iteration, so they are not kept in `buffer`. Nothing is downloaded.

        Args:
            markdown: Whether text is formatted as Markdown, in a notebook and by rich. Default
                False: text is shown unchanged.

        Returns:
            The last chunk, as `done()` returns it. At the end of a notebook cell, IPython doesn't
            print it again below the display.

        Raises:
            FalStreamError: The error that ended the stream, as `done()` raises it. Everything that
                had arrived is displayed.
            ConfigError: A library for Markdown is missing; nothing was sent.
        """
        from .._display.display import Display

        with Display(self, markdown=check_bool("markdown", markdown)) as display:
            async with self:
                async for chunk in self:
                    display.take(chunk)
                return display.end(await self.done())

    def events(self) -> AsyncIterator[ServerSentEvent]:
        """Return the raw events instead of decoded chunks.

        From this call on nothing is decoded: events without data, `[DONE]`, events named `error`
        and data that is not JSON are returned as they are. Chunks that were decoded before stay in
        `buffer`.

        Returns:
            An iterator of the events. It raises the same errors as iterating over the stream, and
            FalStreamError if the response is not an event stream. If the stream has already been
            read to its end as chunks, there are no events, and there is a UserWarning.
        """
        if self._events is None:
            self._events = deque()
            self._warn_of_late_call("events")
        return _AsyncEvents(self, self._events)

    def text(
        self,
        field: str | Callable[[ChunkT], str | None] | None = None,
        *,
        cumulative: bool | None = None,
    ) -> AsyncIterator[str]:
        """Return an iterator of the stream's text: only the new text of each chunk.

        Chunks are taken out of the stream, as by iteration; `done()` returns the last one
        afterwards. The text is kept for `final_text()`. If a model changes text that it has already
        sent, the iterator gives the new version from the first difference on.

        Args:
            field: The name of the field with the text, or a function of a chunk that returns its
                text or None (a LookupError counts as None). Default None: the first of the usual
                fields that has a text (`output`, `text`, `content`, `choices[0].delta.content` and
                others), or the chunk itself if it is a string.
            cumulative: Whether each chunk has all the text so far (True) or only the new text
                (False). Default None: this is detected by the fields `partial`, `delta` and
                `choices`, or else by comparing the first few texts.

        Returns:
            An iterator of non-empty strings. It raises the same errors as iterating over the
            stream, what `field` raises, and FalStreamError if no chunk had text. If the stream has
            already been read to its end as chunks, there is no text, and there is a UserWarning.

        Raises:
            ConfigError: An argument can't be used.
        """
        from .text import async_text_of

        if self._text_reader is None and not self.buffer:
            self._warn_of_late_call("text")
        return async_text_of(self, field, cumulative)

    @async_result_hints
    async def final_text(
        self,
        field: str | Callable[[ChunkT], str | None] | None = None,
        *,
        cumulative: bool | None = None,
    ) -> str:
        """Run the stream to its end, and return all of its text.

        Chunks are taken out of the stream, as by iteration. If `text()` was called with the same
        arguments, the text that it gave is included.

        Args:
            field: As for `text()`.
            cumulative: As for `text()`.

        Returns:
            The text; after an abort, the text that had arrived.

        Raises:
            FalStreamError: The error that ended the stream; or no chunk had text; or chunks whose
                text is needed were already taken by another iteration.
            ConfigError: An argument can't be used.
        """
        from .text import async_text_of

        return await async_text_of(self, field, cumulative).whole()

    def files(self, *, hosts: Collection[str] = ()) -> AsyncIterator[AsyncFile]:
        """Return an iterator of the files in the chunks, including previews, each once.

        Chunks are taken out of the stream, as by iteration. `find_files_async` says what counts as
        a file. A file is downloaded only when it is read or saved. If you leave a loop early, the
        next call with the same hosts goes on with the next file, even in the middle of a chunk.

        Args:
            hosts: Hosts that files may be downloaded from, besides fal's own and the servers in the
                client's settings: a host name such as `cdn.example.com` (over https), or scheme,
                host and port such as `http://127.0.0.1:8000`. Default: none.

        Returns:
            An iterator of the files. It raises the same errors as iterating over the stream,
            FileError if the response itself is one file (use `save()` then), and FileError at the
            end if there was no file. If the stream has already been read to its end as chunks,
            there are no files, and there is a UserWarning.

        Raises:
            ConfigError: A host is not valid.
        """
        from .file import async_files_of

        if self._file_finder is None and not self.buffer:
            self._warn_of_late_call("files")
        return async_files_of(self, hosts, self._dispatcher)

    @async_result_hints
    async def save(
        self,
        path: str | PathLike[str],
        *,
        previews: bool = False,
        overwrite: bool = False,
        hosts: Collection[str] = (),
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: float | None = DEFAULT_SECONDS,
    ) -> list[Path]:
        """Run the stream to its end and save the files of its last chunk.

        If the response itself is a file, such as audio, it is written as it arrives. A file gets
        its name when it is complete. If such a response breaks off, the part that arrived is kept
        in a file whose name ends in `.part`. Chunks are taken out of the stream, as by iteration.

        Args:
            path: A folder, which is created if it doesn't exist, or a file. A path is a folder if
                it exists as one, if it ends in a slash, or if it has no suffix. In a folder, a file
                gets the name that the model gave it; without one, a name that consists of the
                endpoint, the number of the chunk and the place in the chunk.
            previews: Whether the files of all chunks are saved. Default False.
            overwrite: Whether existing files are replaced. Default False: `-2` is added to the
                name.
            hosts: Further hosts that files may be downloaded from, see `files()`. Default: none.
            max_bytes: The largest size of a file in bytes. Default 512 MiB.
            timeout: Seconds that the download of a file may take, None for no limit. Default 600.

        Returns:
            The paths of the files, in their order in the chunk. After an abort, those that had been
            saved.

        Raises:
            FileError: There was no file, or one could not be downloaded, decoded or written. The
                others were saved; their paths are in `paths`.
            FalStreamError: The error that ended the stream, as iteration would raise it.
            ConfigError: An argument can't be used; nothing was sent.
        """
        from .save_stream import AsyncStreamSaver

        saver = AsyncStreamSaver(
            self,
            self._dispatcher,
            FileLimits(max_bytes, timeout),
            hosts,
            previews=previews,
            overwrite=overwrite,
        )
        return await saver.run(path)

    def audio(self, field: ChunkField | None = None) -> AsyncIterator[bytes]:
        """Return an iterator of the stream's audio as bytes.

        The bytes are the decoded base64 of chunks, or the response body itself. Chunks without
        audio are skipped. So are errors after which the model goes on.

        Args:
            field: The name of the field with the audio, or a function of a chunk that returns
                base64, bytes or None. Default None: the first of `audio`, `audio_chunk`,
                `audio_data`, `audio_base64`, `audio_bytes` and `b64_json`; then `delta`, `data` or
                `chunk` if the chunk's `type` mentions audio; then `choices[0].delta.audio.data`.

        Returns:
            An iterator of bytes, as the model sends them; most models send 16-bit PCM. It raises
            the same errors as iterating over the stream, StreamDecodeError if the audio of a chunk
            is not base64, and FileError at the end if there was no audio.

        Raises:
            ConfigError: The field is neither a name nor a plain function.
        """
        from .audio import AsyncAudio

        return AsyncAudio(self, field)

    def _warn_of_late_call(self, method: str) -> None:
        if CLOSED in self._reached and self._outcome == "done" and self._count:
            warnings.warn(
                f"The stream was read as chunks to its end, so {method}() has no {method}: call it "
                "before the stream is read",
                UserWarning,
                stacklevel=3,
            )

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise ConfigError(
            "A stream can't be copied or pickled, because it reads one response: create another "
            "stream, or pass the chunks on",
            endpoint_id=self.endpoint_id,
        )

    @safe_repr
    def __repr__(self) -> str:
        is_open = OPEN in self._reached
        state = "closed" if self.closed else "running" if is_open else "not started"
        return f"<{type(self).__name__} {self.endpoint_id} {state}, {self._delivered}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from .._display.display import stream_mime_bundle

        return stream_mime_bundle(repr(self), self.current_data)


class _AsyncEvents(AsyncIteratorHints):
    """The raw events of a stream."""

    def __init__(self, stream: AsyncFalStream[Any], queue: deque[ServerSentEvent]) -> None:
        self._stream = stream
        self._queue = queue

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ServerSentEvent:
        return await self._stream._next_of(self._queue)
