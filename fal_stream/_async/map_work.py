"""The workers of a stream map: each reads an input, streams it, and puts what came of it in line.

Promises: inputs are read one at a time, and no further ahead than results are taken. Whatever a
stream, the inputs or the user's function raise, an input that was begun is put in line or given up.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from .._net.crew import AsyncCrew, AsyncInputs, AsyncReading, async_reader
from .._net.line import Line
from .._net.runtime import async_call
from .._net.tasks import async_cancellations
from ..abort import AbortController, AbortSignal
from ..errors import FalStreamError, StreamInterrupted, counted, excerpt
from ..types import MapItem
from .stream import AsyncFalStream

# Whose workers' code it is that runs here, from the outermost map on. What that code begins, in
# other tasks or by calls in other threads, has it too.
_callers: ContextVar[tuple[object, ...]] = ContextVar("callers", default=())


class AsyncMapWork:
    """What the workers share. They don't know the map, so that one that is dropped ends them.

    Args:
        make: Makes the stream of an input.
        inputs: The inputs.
        read: Reads a stream and gives its result.
        line: What may be begun, and what is done.

    Attributes:
        crew: The workers.
        controller: Aborts the streams.
    """

    def __init__(
        self,
        make: Callable[[Any, AbortSignal], AsyncFalStream[Any]],
        inputs: AsyncInputs[Any],
        read: AsyncReading[AsyncFalStream[Any], Any],
        line: Line[MapItem[Any, Any]],
    ) -> None:
        self._make = make
        self._inputs = async_reader(inputs)
        self._read = read
        self.line = line
        self.crew = AsyncCrew()
        self.controller: AbortController = AbortController()
        # Of its own, as a context may be kept for longer than what is done here.
        self._key = object()

    def check_caller(self) -> None:
        """Refuse to be waited for by the own workers.

        Raises:
            FalStreamError: The call comes from the inputs, or from what reads a stream.
        """
        if self._key in _callers.get():
            raise FalStreamError(
                "A stream map was asked for results or closed by its own inputs, or by the `read` "
                "of one of its streams, which would wait for itself: call `abort()`, which doesn't "
                "wait, or do it where the results are taken"
            )

    def has_left(self) -> bool:
        """Tell whether no worker is left that has to be waited for."""
        return self.crew.has_left(self.line)

    def is_due(self) -> bool:
        """Tell whether the consumer needn't wait."""
        return self.line.is_due

    def stop(self, reason: Any) -> None:
        """End what runs, and begin nothing more; callable from any thread."""
        self.line.stopped = True
        self.controller.abort(reason)
        self.crew.interrupt()
        self.crew.ring()

    def go_on(self) -> None:
        """Have another worker begin, if there is room for one."""
        if self.line.has_room:
            self.crew.hire(self._work)

    async def _work(self) -> None:
        if self._key not in _callers.get():
            _callers.set((*_callers.get(), self._key))
        try:
            while self.line.begin():
                try:
                    input = await self._inputs.__anext__()
                except StopAsyncIteration:
                    self.line.exhaust()
                    return
                except async_cancellations():
                    self.line.exhaust(None if self.line.stopped else _cancelled("inputs"))
                    raise
                except BaseException as error:
                    self.line.exhaust(error)
                    return
                index = self.line.read(input)
                try:
                    self.go_on()
                except BaseException:
                    self.line.put(index, None)
                    raise
                await self._do(index, input)
        except async_cancellations():
            raise
        except BaseException as error:
            self.line.fail(error)
            self.stop("the stream map failed")
        finally:
            self.crew.ring()

    async def _do(self, index: int, input: Any) -> None:
        item: MapItem[Any, Any] | None = None
        stream: AsyncFalStream[Any] | None = None
        try:
            stream = self._make(input, self.controller.signal)
            async with stream:
                result = await async_call(self._read, stream)
            if stream.signal.aborted:
                # By `read`, for one: the result may be of a part only.
                raise _aborted(stream)
            item = MapItem(index, input, result)
        except async_cancellations():
            if not self.line.stopped:
                item = MapItem(index, input, error=_cancelled("stream"))
            raise
        except Exception as error:
            item = MapItem(index, input, error=error)
        finally:
            # What an abort of the map has cut off is no result, and no failure of the input.
            if self.line.stopped and (stream is None or stream.signal.aborted or not stream.closed):
                item = None
            self.line.put(index, item)
            self.crew.ring()


def _aborted(stream: AsyncFalStream[Any]) -> StreamInterrupted:
    reason = excerpt(str(stream.signal.reason))
    return StreamInterrupted(
        f"The stream was aborted after {counted(stream._count, 'chunk')} ({reason}); what was read "
        "may be a part only: to end a stream early, return from `read`",
        chunks_received=stream._count,
        endpoint_id=stream.endpoint_id,
        request_id=stream.request_id,
    )


def _cancelled(what: str) -> StreamInterrupted:
    return StreamInterrupted(
        f"Reading the {what} was cancelled, and not by the map", chunks_received=0
    )
