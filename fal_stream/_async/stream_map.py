"""`stream_map()`: stream many inputs of one model concurrently, up to a limit.

Promises: each input is streamed at most once, and is either returned with its result or its error,
or is in `unfinished`. When `aclose()` returns, nothing is still running.

Not here: streaming one input (`map_workers`), and which input may start (`WorkQueue`).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, NoReturn, SupportsIndex

from typing_extensions import Self, TypeVar

from .._checks import check_bool, check_whole
from .._ipython import shorten_traceback
from .._net.cancellation import (
    async_complete_despite_cancellation,
    async_is_cancelled_here,
    async_is_interruption,
)
from .._net.flavour_hints import AsyncFlavourHints, AsyncIteratorHints
from .._net.flavour_pairs import async_check_function
from .._net.work_queue import WorkQueue
from .._net.workers import AsyncInputs, AsyncResultReader
from .._shared.stream_state import EndReason, Outcome
from ..abort import AbortSignal, call_weakly_on_abort
from ..errors import ConfigError, StreamConnectionError, StreamInterrupted
from ..types import MapItem
from .map_workers import AsyncMapWorkers
from .stream import AsyncFalStream

InputT = TypeVar("InputT")
ResultT = TypeVar("ResultT", default=Any)


class AsyncStreamMap(AsyncFlavourHints, AsyncIteratorHints, Generic[InputT, ResultT]):
    """The results of many inputs; created by `AsyncStreamingClient.stream_map`.

    It is an iterator of `MapItem`s, and starts with the first iteration. Leaving `async with`, an
    abort, a cancellation and an interrupt end the streams that are still running.
    """

    def __init__(
        self,
        make: Callable[[Any, AbortSignal], AsyncFalStream[Any]],
        inputs: AsyncInputs[InputT],
        read: AsyncResultReader[AsyncFalStream[Any], ResultT] | None,
        concurrency: int,
        ordered: bool,
        signal: AbortSignal | None,
    ) -> None:
        queue: WorkQueue[MapItem[InputT, ResultT]] = WorkQueue(
            check_whole("concurrency", concurrency, 1), ordered=check_bool("ordered", ordered)
        )
        if read is not None:
            async_check_function("read", read)
        work = AsyncMapWorkers(make, inputs, read or _last, queue)
        self._unsubscribe = (
            call_weakly_on_abort(signal, work.stop) if signal is not None else _do_nothing
        )
        self._work = work

    @property
    def signal(self) -> AbortSignal:
        """The map's own signal, which is aborted when the map is aborted."""
        return self._work.controller.signal

    @property
    def unfinished(self) -> dict[int, InputT]:
        """The inputs that were started and whose results have not been taken, by their index.

        After an abort, the model may have run for them, completely or in part.
        """
        return self._work.queue.unfinished

    def abort(self, reason: Any = None) -> None:
        """End the streams that are still running; callable from any thread at any time.

        Iteration returns the results that are ready, and ends.

        Args:
            reason: Any object; available as `signal.reason`. Default None.
        """
        if not self._work.queue.is_complete:
            self._work.stop(reason)

    async def aclose(self) -> None:
        """End the streams that are still running, and wait until their connections are closed.

        A signal handler that has interrupted `logging` doesn't wait for the workers, because they
        may log.

        Raises:
            FalStreamError: The map's own inputs or its `read` call this, and would wait for
                themselves. Call `abort()` there.
        """
        await self._close("closed")

    async def _close(self, outcome: Outcome) -> None:
        work = self._work
        work.check_caller()
        if work.queue.is_complete:
            # No stream is running any more, and the last workers are ending.
            work.queue.stopped = True
        else:
            work.stop(EndReason.of("the stream map was closed", outcome))
        if work.workers.can_close():
            wait = work.workers.wait(work.is_finished)
            await async_complete_despite_cancellation(wait, _do_nothing)
        self._unsubscribe()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> MapItem[InputT, ResultT]:
        work = self._work
        work.check_caller()
        work.workers.check_runs_here()
        item: MapItem[InputT, ResultT] | None = None
        # A loop, because another consumer may take the result that this one has waited for.
        while item is None and not work.queue.is_complete:
            await self._wait()
            is_stopped = work.queue.stopped
            if is_stopped:
                await self.aclose()
            item = work.queue.pop_result()
            if is_stopped:
                break
        if item is not None:
            # If no thread can be started, the next call raises an error.
            with contextlib.suppress(StreamConnectionError):
                work.start_worker()
            # Done last: if an interrupt loses the result, its input stays in `unfinished`.
            work.queue.mark_delivered(item.index)
            return item
        await self.aclose()
        if work.queue.failure is not None:
            raise work.queue.failure
        raise StopAsyncIteration

    async def _wait(self) -> None:
        """Wait until there is a result to take, or none will come."""
        work = self._work
        try:
            work.start_worker()
            await work.workers.wait(work.is_ready)
        except BaseException as error:
            # Later consumers have to get an error, or they would mistake this for the end.
            work.queue.fail(_interrupted())
            work.stop(EndReason.of("the wait for a result was interrupted", "cancelled"))
            await self.aclose()
            if async_is_interruption(error):
                shorten_traceback(error)
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close("cancelled" if async_is_interruption(error) else "closed")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise ConfigError(
            "A stream map can't be copied or pickled: make another one by `stream_map`, with the "
            "inputs in `unfinished` if it has started"
        )

    def __del__(self) -> None:
        work = getattr(self, "_work", None)
        if work is None:
            return
        self._unsubscribe()
        if work.queue.stopped or work.queue.is_complete:
            return
        # Done before the warning, which may be raised as an error.
        outcome: Outcome = "cancelled" if async_is_cancelled_here() else "dropped"
        work.stop(EndReason.of("the stream map was dropped", outcome))
        if work.queue.has_begun:
            message = f"{self!r} was dropped while it ran: use `with`, or close it"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)


async def _last(stream: AsyncFalStream[Any]) -> Any:
    last = None
    async for chunk in stream:
        last = chunk
    return last


def _interrupted() -> StreamInterrupted:
    return StreamInterrupted(
        "The stream map ended because the task or thread that read it was cancelled or "
        "interrupted: `unfinished` has the inputs that it had started",
        chunks_received=0,
    )


def _do_nothing() -> None:
    """Do nothing: there is nothing to interrupt."""
