"""How a stream ends: by itself, with an error, aborted, closed, or dropped.

The holder of the read lock ends the stream, once: it sets the error, or None, and the outcome.
Listeners, log, span and all consumers get the same ones. `abort()` needs no lock and never waits:
it wakes the consumer that reads.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Generic

from typing_extensions import TypeVar

from .._net.cancellation import (
    async_complete_despite_cancellation,
    async_is_cancelled_here,
)
from .._net.exchange import Aborted
from .._net.read_lock import AsyncTicketLock
from .._reporting.reporter import Reporter
from .._shared.prepared_stream import PreparedStream
from .._shared.stream_errors import aborted_error, cancelled_error, failure_of
from .._shared.stream_state import (
    CANCELLED,
    CLOSED,
    ENDED,
    NEW,
    OPEN,
    STOPPED,
    Outcome,
    StreamState,
    outcome_of,
)
from .._shared.watchdog import Expired
from ..abort import AbortController, AbortSignal, call_weakly_on_abort
from ..errors import FalStreamError, counted, without_frames
from ..types import ServerSentEvent, StreamEventType
from .chunk_reader import AsyncChunkReader, AsyncOpener
from .listeners import NO_CHUNKS, TYPES, AsyncListeners

ChunkT = TypeVar("ChunkT", default=Any)


class AsyncEndableStream(Generic[ChunkT]):
    """The state of a stream, and its end.

    Args:
        prepared: What to send, and how to decode the response.
        opener: Sends the request.
        given: The user's abort signal for the stream, or None.
    """

    def __init__(
        self, prepared: PreparedStream, opener: AsyncOpener, given: AbortSignal | None
    ) -> None:
        self.endpoint_id: str = prepared.endpoint_id
        self.buffer: deque[ChunkT] = deque()
        self.current_data: ChunkT | None = None
        # The fast path of `__anext__`: the buffer, or an empty deque if states or listeners have to
        # be checked first.
        self._ready: deque[ChunkT] = self.buffer
        # The states that were reached; the current state is the highest one.
        self._reached: list[StreamState] = [NEW]
        self._error: FalStreamError | None = None
        self._outcome: Outcome = "dropped"
        self._final_event: tuple[StreamEventType, Any] | None = None
        self._count = 0
        self._events: deque[ServerSentEvent] | None = None
        self._listeners = AsyncListeners(prepared.endpoint_id)
        self._read_lock = AsyncTicketLock()
        self._reporter: Reporter | None = None
        self._controller = AbortController()
        self._unsubscribe: Callable[[], None] | None = None
        self._chunk_reader = AsyncChunkReader(prepared, opener)
        if given is not None:
            self._unsubscribe = call_weakly_on_abort(given, self.abort)

    @property
    def closed(self) -> bool:
        """Whether the stream has ended: nothing more will come from the server."""
        return CLOSED in self._reached

    @property
    def _delivered(self) -> str:
        """The number of chunks or raw events that have arrived, as text."""
        return counted(self._count, "chunk" if self._events is None else "event")

    @property
    def signal(self) -> AbortSignal:
        """The stream's own signal, which is aborted when the stream is aborted."""
        return self._controller.signal

    @property
    def request_id(self) -> str | None:
        """The server's id of the request; None until the server has answered."""
        return self.response_headers.get("x-fal-request-id")

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The headers of the response, names in lower case; empty until the server has answered.

        If the server sends the key or the token of the request back, it is replaced by `***`.
        """
        return self._chunk_reader.headers

    def abort(self, reason: Any = None) -> None:
        """End the stream at once; callable from any thread at any time.

        Iteration ends, `done()` returns the last chunk that had arrived, and the connection is
        closed, so the server notices the disconnect. If the stream has already ended, nothing
        happens.

        Args:
            reason: Any object; available as `signal.reason`. Default None.
        """
        if CLOSED in self._reached:
            return
        # In this order, so that the consumer that is woken finds the reason.
        self._controller.abort(reason)
        self._stop()

    async def aclose(self) -> None:
        """End the stream if it hasn't ended, and close its connection.

        A signal handler that has interrupted `logging` doesn't wait for another thread that reads
        the stream, because that thread may log.
        """
        self._stop()
        if self._read_lock.can_close():
            await self._end(is_cancelled=False)

    def _stop(self) -> None:
        if CLOSED in self._reached:
            return
        if STOPPED not in self._reached:
            self._reached.append(STOPPED)
        self._ready = NO_CHUNKS
        self._chunk_reader.abort()

    async def _end(self, *, is_cancelled: bool) -> None:
        """Acquire the read lock and end the stream, if it hasn't ended."""
        if CLOSED in self._reached:
            return
        ticket = self._read_lock.ticket()
        with ticket.taken, ticket.held:
            await self._read_lock.acquire(ticket)
            if is_cancelled:
                await self._end_cancelled()
            else:
                await self._finish(None)
            self._read_lock.holder = None

    async def _end_cancelled(self) -> None:
        """End the stream because its reader was cancelled. The read lock must be held."""
        self._reached.append(CANCELLED)
        error = None if ENDED in self._reached else cancelled_error(self._count, self._delivered)
        await self._finish(error, is_urgent=True)

    async def _end_failed(self, error: Exception) -> None:
        """End the stream because reading raised an exception. The read lock must be held."""
        if isinstance(error, Aborted):
            failure = aborted_error(max(self._reached), self._count, self._delivered)
        else:
            assert isinstance(error, (Expired, FalStreamError))
            has_begun = OPEN in self._reached
            failure = failure_of(error, self._count, self._delivered, has_begun=has_begun)
            if failure is error:
                # The frames of the traceback hold URLs with tokens, and the body of the request.
                without_frames(failure)
        await self._finish(failure)

    async def _finish(self, error: FalStreamError | None, *, is_urgent: bool = False) -> None:
        """End the stream, and release its connection. The read lock must be held.

        Args:
            error: The error that ends it, or None.
            is_urgent: Whether the caller was cancelled or interrupted already. Then listeners, log
                and span are still told, but listeners are only waited for briefly. Default False.
        """
        state = max(self._reached)
        if state is CLOSED:
            return
        reason: object = None
        if state is STOPPED:
            error, reason = None, self.signal.reason
        self._error = error
        is_aborted = self.signal.aborted
        self._outcome = outcome_of(error, state, is_aborted=is_aborted, reason=reason)
        if error is not None:
            error.endpoint_id = error.endpoint_id or self.endpoint_id
            error.request_id = error.request_id or self.request_id
            self._final_event = ("error", error)
        elif self._outcome == "done":
            self._final_event = ("done", self.current_data)
        try:
            self._reached.append(CLOSED)
            if self._unsubscribe is not None:
                self._unsubscribe()
            if not is_urgent:
                await self._clean_up()
        except BaseException:
            is_urgent = True
            raise
        finally:
            if is_urgent:
                self._listeners.limit_wait()
                await async_complete_despite_cancellation(self._clean_up(), _do_nothing)

    async def _clean_up(self) -> Outcome:
        """Release the connection, report the end, and call the listeners.

        After a cancellation, the next call continues with what is left to do.
        """
        try:
            await self._chunk_reader.release()
        finally:
            self._report()
        listeners = self._listeners
        if self._outcome == "done" or self._error is not None:
            if listeners.undelivered or listeners.pending:
                await self._deliver()
            last_call, self._final_event = self._final_event, None
            if last_call is not None:
                type, value = last_call
                if listeners.by_type[type]:
                    listeners.enqueue_calls(value, type)
                    await self._deliver()
        return self._outcome

    async def _deliver(self) -> None:
        """Call the listeners with the chunks that they have not got yet.

        After a cancellation, the next call continues with what is left.
        """
        # A listener may read its own stream, which has to raise an error and not take chunks.
        self._ready = NO_CHUNKS
        try:
            await self._listeners.deliver()
        finally:
            self._ready = self.buffer
            if STOPPED in self._reached:  # checked last, because another thread may call `abort`
                self._ready = NO_CHUNKS

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

    def __del__(self) -> None:
        chunk_reader = getattr(self, "_chunk_reader", None)
        if chunk_reader is None or self.closed:
            return
        reached = self._reached
        if self._unsubscribe is not None:
            self._unsubscribe()
        # Done before the warning, which may be raised as an error.
        if OPEN in reached:
            chunk_reader.abandon()
            if STOPPED in reached:
                signal = self.signal
                self._outcome = outcome_of(
                    None, STOPPED, is_aborted=signal.aborted, reason=signal.reason
                )
            elif async_is_cancelled_here():
                self._outcome = "cancelled"
            self._report()
        if STOPPED in reached:
            return
        if OPEN in reached:
            message = f"{self!r} was dropped while it ran: use `with`, or close it"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)
        elif self._reporter is None and self._listeners.of(*TYPES):
            message = (
                f"{self!r} was dropped, and its listeners never heard anything: nothing is sent "
                "before the stream is iterated, entered by `with`, or asked for `done()`"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)


def _do_nothing() -> None:
    """Do nothing: there is nothing to interrupt."""
