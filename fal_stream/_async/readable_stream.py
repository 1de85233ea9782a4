"""How the chunks of a stream reach its consumers.

A consumer that finds the buffer empty acquires the read lock and reads from the server once. The
chunks that arrive go into the buffer, which all consumers share. So each chunk is delivered to one
consumer, `done()` removes no chunk, and no task or thread runs in the background.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

from typing_extensions import Self, TypeVar

from .._ipython import shorten_traceback
from .._net.cancellation import async_cancellations, async_is_interruption
from .._net.exchange import Aborted
from .._net.flavour_hints import AsyncFlavourHints
from .._net.flavour_pairs import AsyncStartable
from .._net.result_hints import async_result_hints
from .._reporting.reporter import Reporter
from .._shared.prepared_stream import PreparedStream
from .._shared.stream_state import CANCELLED, CLOSED, ENDED, OPEN, STOPPED
from .._shared.watchdog import Expired
from ..abort import AbortSignal
from ..errors import FalStreamError
from .chunk_reader import AsyncOpener
from .endable_stream import AsyncEndableStream

T = TypeVar("T")
ChunkT = TypeVar("ChunkT", default=Any)


class AsyncReadableStream(AsyncEndableStream[ChunkT], AsyncStartable, AsyncFlavourHints):
    """A stream that several consumers can read.

    Args:
        prepared: What to send, and how to decode the response.
        opener: Sends the request.
        given: The user's abort signal for the stream, or None.
    """

    # Declared again, because type checkers would treat the assignment below as a new attribute.
    current_data: ChunkT | None

    def __init__(
        self, prepared: PreparedStream, opener: AsyncOpener, given: AbortSignal | None
    ) -> None:
        super().__init__(prepared, opener, given)
        self.last_event_timestamp: float | None = None
        self._read_count = 0

    @async_result_hints
    async def start(self) -> Self:
        """Send the request and wait for the response headers, unless the stream has started.

        Returns:
            The stream, also after an abort.

        Raises:
            FalStreamError: The stream can't start; iteration would raise the same error.
        """
        while OPEN not in self._reached and CLOSED not in self._reached:
            await self._advance(lambda: OPEN not in self._reached)
        if OPEN not in self._reached and self._error is not None:
            raise self._error
        return self

    @async_result_hints
    async def done(self) -> ChunkT | None:
        """Run the stream to its end.

        The chunks that arrive meanwhile stay in `buffer`, so you can still iterate over them.

        Returns:
            The last chunk, the same for each call; None if there was none. After an abort, the last
            chunk that had arrived.

        Raises:
            FalStreamError: The error that ended the stream, the same for each call.
        """
        while CLOSED not in self._reached:
            # If another consumer has read meanwhile, return: the chunks that came may be what the
            # caller is waiting for.
            await self._advance(partial(self._has_not_read_since, self._read_count))
        if self._error is not None:
            raise self._error
        return self.current_data

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChunkT:
        try:
            return self._ready.popleft()
        except IndexError:
            pass
        if self._events is not None and not self.buffer and CLOSED not in self._reached:
            raise FalStreamError(
                "events() was called, so the stream gives only raw events: iterate those",
                endpoint_id=self.endpoint_id,
            )
        return await self._next_of(self.buffer)

    async def _next_of(self, queue: deque[T]) -> T:
        if self._ready is not self.buffer:
            self._read_lock.check_reentry()
        while STOPPED not in self._reached:
            closed = CLOSED in self._reached
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
        if max(self._reached) >= STOPPED or not async_is_interruption(error):
            await self.aclose()
            return
        # In this order, so that the consumer that is woken finds the state.
        self._reached.append(CANCELLED)
        self._chunk_reader.abort()
        if self._read_lock.can_close():
            await self._end(is_cancelled=True)

    def _has_not_read_since(self, number: int) -> bool:
        return self._read_count == number

    async def _advance(self, is_needed: Callable[[], bool]) -> None:
        """Acquire the read lock, and read from the server once, unless that is no longer needed."""
        ticket = self._read_lock.ticket()
        try:
            with ticket.taken, ticket.held:
                await self._read_lock.acquire(ticket)
                if CLOSED not in self._reached and is_needed():
                    await self._step()
                self._read_lock.holder = None
        except async_cancellations():
            # If a reader is cancelled, the stream goes on only if another consumer waits for it.
            if self._read_lock.is_idle:
                await self._end(is_cancelled=True)
            raise

    async def _step(self) -> None:
        """Read from the server once; at the end or after an error, end the stream."""
        try:
            if STOPPED in self._reached:
                await self._finish(None)
            elif OPEN in self._reached:
                await self._buffer_next()
            else:
                self._reporter = Reporter(self.endpoint_id)
                with self._reporter.current():
                    await self._chunk_reader.start()
                self._reached.append(OPEN)
            return
        except (Aborted, Expired, FalStreamError) as error:
            failure = error
        except BaseException as error:
            # A request that was cancelled is not sent a second time.
            is_over = ENDED in self._reached or OPEN not in self._reached
            # Done first: if the caller is cancelled again, this exception is the context of the new
            # one.
            if async_is_interruption(error):
                shorten_traceback(error)
            if is_over or not isinstance(error, async_cancellations()):
                await self._end_cancelled()
            raise
        await self._end_failed(failure)

    async def _buffer_next(self) -> None:
        listeners = self._listeners
        if listeners.undelivered or listeners.pending:
            await self._deliver()
        new_chunks: list[Any] = []
        events = self._events
        try:
            ended = await self._chunk_reader.fetch_chunks(new_chunks, as_events=events is not None)
        finally:
            self._read_count += bool(new_chunks)
            if new_chunks and events is not None:
                self.last_event_timestamp = time.time()
                self._count += len(new_chunks)
                events.extend(new_chunks)
            elif new_chunks:
                self._buffer_chunks(new_chunks)
        if ended:
            self._reached.append(ENDED)
        if listeners.undelivered or listeners.pending:
            await self._deliver()
        if ended:
            await self._finish(None)

    def _buffer_chunks(self, new_chunks: list[Any]) -> None:
        self.last_event_timestamp = time.time()
        self._count += len(new_chunks)
        self.current_data = new_chunks[-1]
        self._listeners.enqueue(new_chunks)
        self.buffer.extend(new_chunks)
