"""The workers of a stream map: each takes an input, streams it, and queues the result.

Promises: inputs are read one at a time, and only as far ahead as results are taken. Whatever a
stream, the inputs or the user's function raise, an input that was started gets a result or an
error, or stays in `unfinished`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from .._net.cancellation import async_cancellations
from .._net.flavour_pairs import async_call
from .._net.work_queue import WorkQueue
from .._net.workers import AsyncInputs, AsyncResultReader, AsyncWorkerGroup, async_iterate_inputs
from .._signal_errors import raised_by_signal_handler
from ..abort import AbortController, AbortSignal
from ..errors import FalStreamError, StreamInterrupted, counted, excerpt
from ..types import MapItem
from .stream import AsyncFalStream

# The keys of the stream maps whose workers run the current code, the outermost map first. Tasks and
# threads that this code starts inherit the context.
_callers: ContextVar[tuple[object, ...]] = ContextVar("callers", default=())


class AsyncMapWorkers:
    """The state that the workers of a map share.

    It has no reference to the map, so that a map can be garbage-collected while its workers run,
    which ends them.

    Args:
        make: Creates the stream for an input.
        inputs: The inputs.
        read: Reads a stream and returns its result.
        queue: The work queue.

    Attributes:
        workers: The worker group.
        controller: Aborts the streams.
    """

    def __init__(
        self,
        make: Callable[[Any, AbortSignal], AsyncFalStream[Any]],
        inputs: AsyncInputs[Any],
        read: AsyncResultReader[AsyncFalStream[Any], Any],
        queue: WorkQueue[MapItem[Any, Any]],
    ) -> None:
        self._make = make
        self._inputs = async_iterate_inputs(inputs)
        self._read = read
        self.queue = queue
        self.workers = AsyncWorkerGroup()
        self.controller: AbortController = AbortController()
        # Not this object itself, because a context may be kept for longer.
        self._key = object()

    def check_caller(self) -> None:
        """Check that the caller isn't one of the map's own workers, which would be a deadlock.

        Raises:
            FalStreamError: The caller is the iterator of the inputs, or the `read` function.
        """
        if self._key in _callers.get():
            raise FalStreamError(
                "A stream map was iterated over or closed by its own inputs, or by the `read` of "
                "one of its streams, and would wait for itself: call `abort()`, which doesn't "
                "wait, or do it in the code that takes the results"
            )

    def is_finished(self) -> bool:
        """Return whether all workers that have to be waited for have ended."""
        # Nothing can end a thread that waits for the user's next input.
        return self.workers.is_finished(self.queue.is_reading)

    def is_ready(self) -> bool:
        """Return whether the consumer need not wait."""
        return self.queue.is_ready

    def stop(self, reason: Any) -> None:
        """Abort the running streams, and start no more; callable from any thread."""
        self.queue.stopped = True
        self.controller.abort(reason)
        self.workers.interrupt()
        self.workers.notify()

    def start_worker(self) -> None:
        """Start another worker, if the limit allows it."""
        if self.queue.has_room:
            self.workers.start(self._work)

    async def _work(self) -> None:
        if self._key not in _callers.get():
            _callers.set((*_callers.get(), self._key))
        try:
            while self.queue.begin_read():
                try:
                    input = await self._inputs.__anext__()
                except StopAsyncIteration:
                    self.queue.end_input()
                    return
                except async_cancellations():
                    self.queue.end_input(None if self.queue.stopped else _cancelled("inputs"))
                    raise
                except BaseException as error:
                    self.queue.end_input(error)
                    return
                index = self.queue.add(input)
                try:
                    self.start_worker()
                except BaseException:
                    self.queue.put_result(index, None)
                    raise
                await self._process(index, input)
        except async_cancellations():
            raise
        except BaseException as error:
            self.queue.fail(error)
            self.stop("the stream map failed")
        finally:
            self.workers.notify()

    async def _process(self, index: int, input: Any) -> None:
        item: MapItem[Any, Any] | None = None
        stream: AsyncFalStream[Any] | None = None
        try:
            stream = self._make(input, self.controller.signal)
            async with stream:
                result = await async_call(self._read, stream)
            if stream.signal.aborted:
                # If `read` has aborted the stream, for example, its result may be incomplete.
                raise _aborted(stream)
            item = MapItem(index, input, result)
        except async_cancellations():
            if not self.queue.stopped:
                item = MapItem(index, input, error=_cancelled("stream"))
            raise
        except Exception as error:
            if raised_by_signal_handler(error) is not None:
                raise
            item = MapItem(index, input, error=error)
        finally:
            # A stream that was ended by an abort of the map is neither a result nor a failure.
            if self.queue.stopped and (
                stream is None or stream.signal.aborted or not stream.closed
            ):
                item = None
            self.queue.put_result(index, item)
            self.workers.notify()


def _aborted(stream: AsyncFalStream[Any]) -> StreamInterrupted:
    reason = excerpt(str(stream.signal.reason))
    return StreamInterrupted(
        f"The stream was aborted after {counted(stream._count, 'chunk')} ({reason}); the "
        "result may be incomplete: to end a stream early, return from `read`",
        chunks_received=stream._count,
        endpoint_id=stream.endpoint_id,
        request_id=stream.request_id,
    )


def _cancelled(what: str) -> StreamInterrupted:
    return StreamInterrupted(
        f"Reading the {what} was cancelled, and not by the map", chunks_received=0
    )
