"""`AsyncFalStream`: one stream of chunks, from its start to its end.

A consumer that finds the buffer empty acquires the read lock and reads from the server once; what
comes goes into the buffer, where every consumer finds it. So two consumers get each chunk once,
`done()` takes none away, and no task or thread runs in the background.
"""

from __future__ import annotations

import logging
import math
import time
import warnings
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, SupportsIndex

from typing_extensions import Self, TypeVar

from .. import config as config_module
from .._checks import also_half_made, check_bool
from .._ipython import shorten_traceback
from .._net.cancellation import (
    async_cancellations,
    async_complete_despite_cancellation,
    async_is_interruption,
)
from .._net.compat import (
    AsyncStartable,
    async_call,
    async_call_with_timeout,
    async_check_function,
    async_settle,
)
from .._net.exchange import Aborted
from .._net.flavour_hints import AsyncFlavourHints, AsyncIteratorHints
from .._net.read_lock import AsyncTicketLock
from .._net.result_hints import async_result_hints
from .._reporting.reporter import Reporter
from .._shared.chunk_fields import ChunkField
from .._shared.file_limits import DEFAULT_MAX_BYTES, DEFAULT_SECONDS, FileLimits
from .._shared.listeners import NOTHING, TYPES, Listeners
from .._shared.prepared_stream import PreparedStream
from .._shared.summary import Outcome, outcome_of
from .._shared.timeouts import timeout_error
from .._shared.watchdog import Expired
from ..abort import AbortController, AbortSignal, follow
from ..config import Settings
from ..errors import (
    ConfigError,
    FalStreamError,
    StreamConnectionError,
    StreamInterrupted,
    counted,
    without_frames,
)
from ..types import ServerSentEvent, StreamEventType, StreamOptions
from .chunk_reader import AsyncChunkReader, AsyncOpener

if TYPE_CHECKING:
    from .._shared.text_reader import TextReader
    from .fetcher import AsyncFetcher
    from .file import AsyncFile

T = TypeVar("T")
ChunkT = TypeVar("ChunkT", default=Any)

_logger = logging.getLogger("fal_stream")

_RAISED = "A listener of the stream from %s raised"

# How long listeners are waited for when the one who reads was cancelled (seconds).
_LISTENERS_PATIENCE = 0.5


class AsyncFalStream(AsyncStartable, AsyncFlavourHints, Generic[ChunkT]):
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
        fetcher: AsyncFetcher,
    ) -> None:
        self._settings = settings
        self.endpoint_id: str = prepared.endpoint_id
        self.url: str = prepared.request.url
        self.options = options
        self.buffer: deque[ChunkT] = deque()
        self.current_data: ChunkT | None = None
        self.last_event_timestamp: float | None = None
        self.closed: bool = False
        # What the next chunk is taken from at once; empty where more is to be looked at first.
        self._ready: deque[ChunkT] = self.buffer
        self._fetcher = fetcher
        self._listeners = Listeners()
        self._pending_calls: deque[tuple[Callable[[Any], Any], Any]] = NOTHING
        self._calls_deadline = math.inf
        self._read_lock = AsyncTicketLock()
        self._controller = AbortController()
        self._is_stopped = False
        self._cancelled = False
        self._ended = False
        self._events: deque[ServerSentEvent] | None = None
        self._text_reader: TextReader | None = None
        self._error: FalStreamError | None = None
        self._outcome: Outcome = "dropped"
        self._last_call: tuple[StreamEventType, Any] | None = None
        self._reporter: Reporter | None = None
        self._count = 0
        self._read_count = 0
        self._unsubscribe: Callable[[], None] | None = None
        self._chunk_reader = AsyncChunkReader(prepared, opener)
        given = options.get("signal")
        if given is not None:
            self._follow(given)

    def _follow(self, given: AbortSignal) -> None:
        # Weakly, or a signal that is kept would keep each of its streams open.
        me = weakref.ref(self)

        def abort() -> None:
            stream = me()
            if stream is not None:
                stream.abort(given.reason)

        self._unsubscribe = follow(given, abort)

    @property
    def config(self) -> config_module.Config:
        """The settings of the client."""
        return self._settings.config

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, once it has answered."""
        return self.response_headers.get("x-fal-request-id")

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The headers of the response, names in lower case; empty until it is there.

        Where they repeat the key or the token of the request, `***` stands in its place.
        """
        return self._chunk_reader.headers

    @property
    def listeners(self) -> Mapping[str, list[Callable[[Any], Any]]]:
        """The listeners by the name of what they listen to."""
        return self._listeners.by_type

    @property
    def signal(self) -> AbortSignal:
        """The stream's own signal, aborted when the stream is."""
        return self._controller.signal

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
    async def start(self) -> Self:
        """Send the request and wait for the head of the response; no-op once it is there.

        Returns:
            The stream; after an abort too.

        Raises:
            FalStreamError: What keeps the stream from starting, as iteration would raise it.
        """
        while not self._chunk_reader.has_response and not self.closed:
            await self._advance(lambda: not self._chunk_reader.has_response)
        if not self._chunk_reader.has_response and self._error is not None:
            raise self._error
        return self

    @async_result_hints
    async def done(self) -> ChunkT | None:
        """Run the stream to its end.

        Chunks that come meanwhile stay in `buffer` for whoever iterates.

        Returns:
            The last chunk, the same for each call; None if there was none. After an abort what
            there was until then.

        Raises:
            FalStreamError: What ended the stream before its time, the same for each call.
        """
        while not self.closed:
            # Where another has read meanwhile, those behind may wait for what came then.
            await self._advance(partial(self._has_not_read_since, self._read_count))
        if self._error is not None:
            raise self._error
        return self.current_data

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

    def abort(self, reason: Any = None) -> None:
        """End the stream at once; callable from any thread at any time.

        Iteration ends, `done()` gives what there was, and the server sees that its client has
        gone. A no-op once the stream has ended.

        Args:
            reason: Anything; kept as `signal.reason`. Default None.
        """
        if self.closed:
            return
        # In this order, so that whoever is woken by it finds the reason.
        self._controller.abort(reason)
        self._stop()

    async def aclose(self) -> None:
        """End the stream if it hasn't, and free its connection.

        In a signal handler that has interrupted `logging`, it doesn't wait for another thread that
        reads the stream, and which may want to log.
        """
        self._stop()
        if self._read_lock.can_close():
            await self._end(is_given_up=False)

    async def _end(self, *, is_given_up: bool) -> None:
        """Acquire the read lock and end the stream, if it hasn't ended."""
        if self.closed:
            return
        ticket = self._read_lock.ticket()
        with ticket.taken, ticket.held:
            await self._read_lock.acquire(ticket)
            if is_given_up:
                await self._end_cancelled()
            else:
                await self._finish(None)
            self._read_lock.holder = None

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

        return AsyncFiles(self, hosts, self._fetcher)

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
            self._fetcher,
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

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChunkT:
        try:
            return self._ready.popleft()
        except IndexError:
            pass
        if self._events is not None and not self.buffer and not self.closed:
            raise FalStreamError(
                "The stream gives raw events since events() was called: iterate those",
                endpoint_id=self.endpoint_id,
            )
        return await self._next_of(self.buffer)

    async def _next_of(self, queue: deque[T]) -> T:
        if self._ready is not self.buffer:
            self._read_lock.check_reentry()
        while not self._is_stopped:
            closed = self.closed
            try:
                return queue.popleft()
            except IndexError:
                pass
            if closed:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._advance(lambda: not queue)
        await self.aclose()
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_stopped or self.closed or not async_is_interruption(error):
            await self.aclose()
            return
        # In this order, so that whoever is woken by it is told the same.
        self._cancelled = True
        self._chunk_reader.abort()
        if self._read_lock.can_close():
            await self._end(is_given_up=True)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise ConfigError(
            "A stream can't be copied or pickled, as there is one response: make another stream, "
            "or hand on the chunks",
            endpoint_id=self.endpoint_id,
        )

    @also_half_made
    def __repr__(self) -> str:
        state = (
            "closed"
            if self.closed
            else "running"
            if self._chunk_reader.has_response
            else "not started"
        )
        return f"<{type(self).__name__} {self.endpoint_id} {state}, {self._delivered}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from .._display.display import stream_mime_bundle

        return stream_mime_bundle(repr(self), self.current_data)

    def __del__(self) -> None:
        chunk_reader = getattr(self, "_chunk_reader", None)
        if chunk_reader is None or self.closed:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        # Before the warning, which may be raised as an error.
        has_response = chunk_reader.has_response
        if has_response:
            chunk_reader.abandon()
            if self._is_stopped:
                self._outcome = self._outcome_of(None)
            self._report()
        if self._is_stopped:
            return
        if has_response:
            message = f"{self!r} was dropped while it ran: use `with`, or close it"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)
        elif self._reporter is None and self._listeners.of(*TYPES):
            message = (
                f"{self!r} was dropped, and its listeners never heard anything: nothing is sent "
                "before the stream is iterated, entered by `with`, or asked for `done()`"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)

    def _has_not_read_since(self, number: int) -> bool:
        return self._read_count == number

    async def _advance(self, is_needed: Callable[[], bool]) -> None:
        """Read from the server once, unless another consumer has meanwhile done it."""
        ticket = self._read_lock.ticket()
        try:
            with ticket.taken, ticket.held:
                await self._read_lock.acquire(ticket)
                if not self.closed and is_needed():
                    await self._read()
                self._read_lock.holder = None
        except async_cancellations():
            # The connection outlives its cancelled readers only if somebody still waits for it.
            if self._read_lock.is_idle:
                await self._end(is_given_up=True)
            raise

    async def _read(self) -> None:
        try:
            if self._is_stopped:
                await self._finish(None)
            elif self._chunk_reader.has_response:
                await self._receive()
            else:
                self._reporter = Reporter(self.endpoint_id)
                with self._reporter.current():
                    await self._chunk_reader.start()
        except (Aborted, Expired, FalStreamError) as error:
            failure = self._translate_error(error)
            if failure is error:
                # Frames that send hold addresses with tokens, and what has been sent.
                without_frames(failure)
        except async_cancellations() as error:
            # A request that was broken off is not sent a second time.
            if self._ended or not self._chunk_reader.has_response:
                await self._end_cancelled()
            shorten_traceback(error)
            raise
        except KeyboardInterrupt as error:
            await self._end_cancelled()
            shorten_traceback(error)
            raise
        except BaseException:
            await self._end_cancelled()
            raise
        else:
            return
        await self._finish(failure)

    async def _receive(self) -> None:
        if self._listeners.undelivered or self._pending_calls:
            await self._deliver_to_listeners()
        new_chunks: list[Any] = []
        events = self._events
        try:
            ended = await self._chunk_reader.read(new_chunks, as_events=events is not None)
        finally:
            self._read_count += bool(new_chunks)
            if new_chunks and events is not None:
                self.last_event_timestamp = time.time()
                self._count += len(new_chunks)
                events.extend(new_chunks)
            elif new_chunks:
                self._buffer_chunks(new_chunks)
        self._ended = ended
        if self._listeners.undelivered or self._pending_calls:
            await self._deliver_to_listeners()
        if ended:
            await self._finish(None)

    def _buffer_chunks(self, new_chunks: list[Any]) -> None:
        self.last_event_timestamp = time.time()
        self._count += len(new_chunks)
        self.current_data = new_chunks[-1]
        self._listeners.enqueue(new_chunks)
        self.buffer.extend(new_chunks)

    async def _deliver_to_listeners(self) -> None:
        """Call the listeners with what they have not heard of; goes on where it was cancelled."""
        # A listener could ask its own stream for chunks.
        self._ready = NOTHING
        try:
            await self._call_listeners()
        finally:
            self._ready = self.buffer
            if self._is_stopped:  # perhaps since a moment ago
                self._ready = NOTHING

    async def _call_listeners(self) -> None:
        undelivered, by_type = self._listeners.undelivered, self._listeners.by_type
        while undelivered or self._pending_calls:
            if self._pending_calls:
                await self._call(*self._pending_calls.popleft())
                continue
            value = undelivered.popleft()
            listeners = by_type["data"] + by_type["message"]
            if len(listeners) != 1 or self._calls_deadline != math.inf:
                self._queue_calls(value, "data", "message")
                continue
            # The common case, at once: there may be thousands of chunks.
            listener = listeners[0]
            try:
                result = listener(value)
                if result is not None:
                    await async_settle(listener, result)
            except Exception:
                _logger.exception(_RAISED, self.endpoint_id)

    def _queue_calls(self, value: Any, *types: StreamEventType) -> None:
        if self._pending_calls is NOTHING:
            self._pending_calls = deque()
        self._pending_calls.extend((listener, value) for listener in self._listeners.of(*types))

    async def _call(self, listener: Callable[[Any], Any], value: Any) -> None:
        try:
            if self._calls_deadline == math.inf:
                await async_call(listener, value)
            else:
                seconds = max(0.0, self._calls_deadline - time.monotonic())
                await async_call_with_timeout(seconds, listener, value)
        except Exception:
            _logger.exception(_RAISED, self.endpoint_id)

    def _translate_error(self, error: Exception) -> FalStreamError | None:
        """Return the error to raise for an exception of the modules below."""
        if isinstance(error, Aborted):
            if self._cancelled:
                return self._cancelled_error()
            return None if self._is_stopped else self._client_closed_error()
        if isinstance(error, Expired):
            return timeout_error(error, self._delivered)
        if isinstance(error, StreamConnectionError) and self._chunk_reader.has_response:
            delivered = "what came was delivered, the rest is lost: " if self._count else ""
            return StreamInterrupted(
                f"The connection broke after {self._delivered} ({error.message}); "
                f"{delivered}start a new stream",
                chunks_received=self._count,
            )
        assert isinstance(error, FalStreamError)
        return error

    @property
    def _delivered(self) -> str:
        """How many chunks have come, or raw events."""
        return counted(self._count, "chunk" if self._events is None else "event")

    def _client_closed_error(self) -> FalStreamError:
        return StreamInterrupted(
            f"The stream was ended after {self._delivered}, as its client was "
            "closed (in a notebook: or the cell that began it was interrupted): read a stream "
            "inside the `with` of its client",
            chunks_received=self._count,
        )

    def _cancelled_error(self) -> FalStreamError:
        return StreamInterrupted(
            f"The stream was given up after {self._delivered}, when the task or "
            "thread that read it was cancelled or interrupted: start a new one",
            chunks_received=self._count,
        )

    async def _end_cancelled(self) -> None:
        """End the stream, as its reader was cancelled or interrupted; needs the read lock."""
        self._cancelled = not self._ended
        await self._finish(None if self._ended else self._cancelled_error(), is_urgent=True)

    async def _finish(self, error: FalStreamError | None, *, is_urgent: bool = False) -> None:
        """End the stream, and free its connection. The read lock must be held.

        Args:
            error: What ends it, or None.
            is_urgent: Whether the caller is cancelled or interrupted already. It waits a moment
                only, but everybody is told.
        """
        if self.closed:
            return
        if self._is_stopped:
            error = None
        if error is not None:
            error.endpoint_id = error.endpoint_id or self.endpoint_id
            error.request_id = error.request_id or self.request_id
        self._error = error
        self._outcome = self._outcome_of(error)
        if error is not None:
            self._last_call = ("error", error)
        elif self._outcome == "done":
            self._last_call = ("done", self.current_data)
        self.closed = True
        if self._unsubscribe is not None:
            self._unsubscribe()
        try:
            if not is_urgent:
                await self._clean_up()
        except BaseException:
            is_urgent = True
            raise
        finally:
            if is_urgent:
                self._calls_deadline = time.monotonic() + _LISTENERS_PATIENCE
                await async_complete_despite_cancellation(self._clean_up(), _nothing)

    async def _clean_up(self) -> Outcome:
        """Do what is left to do when the stream has ended; goes on where it was cancelled."""
        try:
            await self._chunk_reader.release()
        finally:
            self._report()
        if self._outcome not in ("aborted", "closed"):
            await self._deliver_to_listeners()
            last_call, self._last_call = self._last_call, None
            if last_call is not None:
                type, value = last_call
                self._queue_calls(value, type)
                await self._deliver_to_listeners()
        return self._outcome

    def _outcome_of(self, error: FalStreamError | None) -> Outcome:
        return outcome_of(
            error,
            is_stopped=self._is_stopped,
            is_aborted=self._controller.signal.aborted,
            is_cancelled=self._cancelled,
        )

    def _report(self) -> None:
        reporter, self._reporter = self._reporter, None
        if reporter is not None and reporter.is_heard:
            reporter.end(
                self._outcome,
                None if self._outcome == "cancelled" else self._error,
                request_id=self.request_id,
                chunks=self._count,
                received=self._chunk_reader.received,
            )

    def _stop(self) -> None:
        if self.closed:
            return
        self._is_stopped = True
        self._ready = NOTHING
        self._chunk_reader.abort()


def _nothing() -> None:
    """Nothing to interrupt."""


class _AsyncEvents(AsyncIteratorHints):
    """The raw events of a stream."""

    def __init__(self, stream: AsyncFalStream[Any], queue: deque[ServerSentEvent]) -> None:
        self._stream = stream
        self._queue = queue

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ServerSentEvent:
        return await self._stream._next_of(self._queue)
