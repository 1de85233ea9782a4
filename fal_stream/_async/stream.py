"""`AsyncFalStream`: one stream of chunks, from its start to its end, as users see it.

How chunks reach its consumers is in `readable_stream`, how it ends in `endable_stream`, and its
states with their diagram in `stream_state`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from typing_extensions import Self, TypeVar

from .. import config as config_module
from .._checks import also_half_made, check_bool
from .._net.compat import async_check_function
from .._net.flavour_hints import AsyncIteratorHints
from .._net.result_hints import async_result_hints
from .._shared.file_limits import DEFAULT_MAX_BYTES, DEFAULT_SECONDS, FileLimits
from .._shared.prepared_stream import PreparedStream
from .._shared.stream_state import OPEN
from ..config import Settings
from ..errors import ConfigError
from ..types import ServerSentEvent, StreamEventType, StreamOptions
from .chunk_reader import AsyncOpener
from .readable_stream import AsyncReadableStream

if TYPE_CHECKING:
    from .._shared.chunk_fields import ChunkField
    from .._shared.text_reader import TextReader
    from .dispatch import AsyncDispatcher
    from .file import AsyncFile

ChunkT = TypeVar("ChunkT", default=Any)


class AsyncFalStream(AsyncReadableStream[ChunkT]):
    """A stream of chunks from an app that is still working.

    It is made by `AsyncStreamingClient.stream`, which sends nothing: the stream starts with
    `async with`, the first iteration, `done()`, `start()` or `await`.

    Attributes:
        endpoint_id: The endpoint that is streamed from.
        url: The address that is streamed from.
        options: The options as they were given.
        buffer: The chunks that have come and that no iteration has taken yet.
        current_data: The last chunk that came, or None.
        last_event_timestamp: When the last chunk or event came, in seconds since the epoch, or
            None.
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

    @property
    def config(self) -> config_module.Config:
        """The settings of the client."""
        return self._settings.config

    @property
    def listeners(self) -> Mapping[str, list[Callable[[Any], Any]]]:
        """The listeners by the name of what they listen to."""
        return self._listeners.by_type

    def on(self, type: StreamEventType, listener: Callable[[Any], Any]) -> Self:
        """Have a function called when something happens.

        A listener that raises is logged, and the stream goes on.

        Args:
            type: `data` or `message` (each chunk as it comes), `error` (the error that ends the
                stream), `done` (the last chunk, when the stream ended without error or abort).
            listener: A function of one argument, plain or a coroutine function. It must not ask
                its own stream for chunks. Where the one who reads was cancelled, what coroutine
                functions still wait for is given up after half a second.

        Returns:
            The stream.

        Raises:
            ConfigError: The type isn't known, or the listener can't be called.
        """
        async_check_function("listener", listener)
        self._listeners.add(type, listener)
        return self

    def off(self, type: StreamEventType, listener: Callable[[Any], Any]) -> Self:
        """Take a listener off again; one that isn't registered is ignored.

        Args:
            type: What it listens to.
            listener: The function that was registered.

        Returns:
            The stream.

        Raises:
            ConfigError: The type isn't known.
        """
        self._listeners.remove(type, listener)
        return self

    @async_result_hints
    async def show(self, *, markdown: bool = False) -> ChunkT | None:
        """Run the stream to its end, and show in one place what comes.

        In a notebook that is one output, updated in place; in a terminal some lines (by rich, where
        that is installed), and elsewhere what came, at the end. Text grows, pictures replace one
        another, sound and video get a player at the end, a workflow has a line for each node, and
        progress, chunks and seconds are told. Chunks are taken as by iteration, so that large ones
        are not kept in `buffer`. Nothing is fetched here.

        Args:
            markdown: Whether text is shown as the Markdown that it is, in a notebook and by rich.
                Default False: as it is.

        Returns:
            The last chunk, as `done()` gives it. Where the call ends a cell of a notebook, IPython
            doesn't print it below what was shown.

        Raises:
            FalStreamError: What ended the stream before its time, as `done()` raises it; what came
                until then was shown.
            ConfigError: Markdown can't be shown, as a library is missing; nothing was sent.
        """
        from .._display.display import Display

        with Display(self, markdown=check_bool("markdown", markdown)) as display:
            async with self:
                async for chunk in self:
                    display.take(chunk)
                return display.end(await self.done())

    def events(self) -> AsyncIterator[ServerSentEvent]:
        """Return the raw events instead of the chunks that they stand for.

        From this call on nothing is decoded: keep-alives without data, `[DONE]`, events named
        `error` and text that is not JSON come as they are. Chunks that were decoded before stay
        in `buffer`.

        Returns:
            An iterator of the events. It raises what iterating the stream would, and
            FalStreamError where the response is no event stream.
        """
        if self._events is None:
            self._events = deque()
        return _AsyncEvents(self, self._events)

    def text(
        self,
        field: str | Callable[[ChunkT], str | None] | None = None,
        *,
        cumulative: bool | None = None,
    ) -> AsyncIterator[str]:
        """Return the text of the stream as it comes, each time only what is new.

        Chunks are taken as by iteration; `done()` gives the last one afterwards. The text is kept
        for `final_text()`. Where a model rewrites its text, what follows the common beginning is
        given.

        Args:
            field: The name of the field with the text, or a function of a chunk that returns its
                text or None (a LookupError counts as None). Default None: found by the names that
                models use: `output`, `text`, `content`, `choices[0].delta.content` and the like,
                or the chunk itself where it is a string.
            cumulative: Whether each chunk has all text so far (True) or what is new (False).
                Default None: told by `partial`, `delta` and `choices`, else found out from the
                first few texts.

        Returns:
            An iterator of the pieces, none of them empty. It raises what iterating the stream
            would, what `field` raises, and FalStreamError where no chunk had text.

        Raises:
            ConfigError: An argument can't be used.
        """
        from .text import async_text_of

        return async_text_of(self, field, cumulative)

    @async_result_hints
    async def final_text(
        self,
        field: str | Callable[[ChunkT], str | None] | None = None,
        *,
        cumulative: bool | None = None,
    ) -> str:
        """Run the stream to its end, and return all of its text.

        Chunks are taken as by iteration. After `text()` with the same arguments its text is
        counted in.

        Args:
            field: As for `text()`.
            cumulative: As for `text()`.

        Returns:
            The text; after an abort what there was until then.

        Raises:
            FalStreamError: What ended the stream before its time, no chunk had text, or others
                have taken chunks whose text is needed.
            ConfigError: An argument can't be used.
        """
        from .text import async_text_of

        return await async_text_of(self, field, cumulative).whole()

    def files(self, *, hosts: Collection[str] = ()) -> AsyncIterator[AsyncFile]:
        """Return the files of the chunks as they come, previews too, each once.

        Chunks are taken as by iteration. What counts as a file says `find_files_async`. Nothing is
        fetched before a file is read or saved.

        Args:
            hosts: Hosts that files are fetched from besides fal's own, and besides the servers
                that the client's settings name: a name, `cdn.example.com`, over https, or scheme,
                host and port, `http://127.0.0.1:8000`. Default: none.

        Returns:
            An iterator of the files. It raises what iterating the stream would, FileError where
            the response is one file itself, bytes (`save()` writes it), and at the end FileError
            where there was no file.

        Raises:
            ConfigError: A host is none.
        """
        from .file import AsyncFiles

        return AsyncFiles(self, hosts, self._dispatcher)

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

        Where the response is a file itself (audio), it is written as it comes. Nothing has its
        name before it is whole: a body that breaks off is left under one that ends in `.part`.
        Chunks are taken as by iteration.

        Args:
            path: A folder, which is made if it isn't there, or the name of a file. A path is that
                of a folder where one is there, it ends in a slash, or it has no suffix. In a
                folder files are called as the app calls them, else after the endpoint, the number
                of the chunk and the place in it.
            previews: Whether the files of all chunks are saved. Default False.
            overwrite: Whether files of the same name are replaced. Default False: `-2` is put to
                the name.
            hosts: Hosts that files are fetched from, see `files()`. Default: none but fal's own,
                and the servers that the client's settings name.
            max_bytes: How many bytes a file may have. Default 512 MiB.
            timeout: How many seconds fetching a file may take, None for no limit. Default 600.

        Returns:
            The paths of the files, in the order of the files in the chunk. After an abort those
            that were saved until then.

        Raises:
            FileError: There was no file, or one could not be had or written; the others were
                saved, and their `paths` stand in it.
            FalStreamError: What ended the stream before its time, as iteration would raise it.
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
        """Return the sound of the stream as it comes: decoded base64 of chunks, or the body itself.

        Chunks without sound are passed over, also an error that the app goes on after.

        Args:
            field: Where the sound stands in a chunk: the name of a field, or a function of a chunk
                that returns base64, bytes or None. Default None: `audio` and what else apps call
                it.

        Returns:
            An iterator of bytes, as the app sends them; most apps send PCM of 16 bits. It raises
            what iterating the stream would, StreamDecodeError where a chunk's sound is no base64,
            and at the end FileError where there was none.

        Raises:
            ConfigError: The field is neither a name nor a plain function.
        """
        from .audio import AsyncAudio

        return AsyncAudio(self, field)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise ConfigError(
            "A stream can't be copied or pickled, as there is one response: make another stream, "
            "or hand on the chunks",
            endpoint_id=self.endpoint_id,
        )

    @also_half_made
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
