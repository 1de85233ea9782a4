"""The event listeners of a stream: register them, and call them in order."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, get_args

from .._checks import check_known, short_repr
from .._net.flavour_pairs import async_call, async_call_with_timeout, async_settle
from .._signal_errors import raised_by_signal_handler
from ..errors import ConfigError
from ..types import StreamEventType

Listener = Callable[[Any], Any]

# An empty deque takes as much memory as dozens of entries, so this immutable one is used until
# there is an entry.
NO_CHUNKS: deque[Any] = deque(maxlen=0)

TYPES: tuple[StreamEventType, ...] = get_args(StreamEventType)

_logger = logging.getLogger("fal_stream")

_RAISED = "A listener of the stream from %s raised"

# How long listeners are waited for when the reader of the stream was cancelled (seconds).
_LISTENER_TIMEOUT = 0.5


class AsyncListeners:
    """The listeners of one stream, in the order in which they were registered.

    Calls that are still to be made are queued here, and removed from the queue before the call. So
    after a cancellation or an interrupt, the next `deliver` continues.

    Args:
        endpoint_id: The endpoint of the stream, for the log.

    Attributes:
        by_type: The listeners by event type.
        pending: The calls to make first: listeners and their arguments.
        undelivered: The chunks that the listeners have not been called with yet.
    """

    def __init__(self, endpoint_id: str) -> None:
        self.by_type: dict[str, list[Listener]] = {name: [] for name in TYPES}
        self.pending: deque[tuple[Listener, Any]] = NO_CHUNKS
        self.undelivered: deque[Any] = NO_CHUNKS
        self._endpoint_id = endpoint_id
        self._deadline = math.inf

    def add(self, type: StreamEventType, listener: Listener) -> None:
        """Register a listener.

        Raises:
            ConfigError: The type is unknown, or the listener is not callable.
        """
        check_known("listener type", [type], TYPES)
        if not callable(listener):
            raise ConfigError(f"listener={short_repr(listener)} can't be called: give a function")
        self.by_type[type].append(listener)

    def remove(self, type: StreamEventType, listener: Listener) -> None:
        """Remove a listener, if it was added.

        Raises:
            ConfigError: The type is unknown.
        """
        check_known("listener type", [type], TYPES)
        if listener in self.by_type[type]:
            self.by_type[type].remove(listener)

    def of(self, *types: StreamEventType) -> list[Listener]:
        """Return the listeners of some types."""
        return [listener for name in types for listener in self.by_type[name]]

    def enqueue(self, chunks: Iterable[Any]) -> None:
        """Queue chunks for the listeners, if there are any listeners."""
        if self.by_type["data"] or self.by_type["message"]:
            if self.undelivered is NO_CHUNKS:
                self.undelivered = deque()
            self.undelivered.extend(chunks)

    def enqueue_calls(self, value: Any, *types: StreamEventType) -> None:
        """Queue calls of the listeners of some types with a value."""
        for listener in self.of(*types):
            if self.pending is NO_CHUNKS:
                self.pending = deque()
            self.pending.append((listener, value))

    def limit_wait(self) -> None:
        """Wait for listeners only briefly from now on: the stream's reader was cancelled."""
        self._deadline = time.monotonic() + _LISTENER_TIMEOUT

    async def deliver(self) -> None:
        """Make the queued calls, then call the listeners with the queued chunks."""
        undelivered, by_type = self.undelivered, self.by_type
        while undelivered or self.pending:
            if self.pending:
                await self._call(*self.pending.popleft())
                continue
            value = undelivered.popleft()
            listeners = by_type["data"] + by_type["message"]
            if len(listeners) != 1 or self._deadline != math.inf:
                self.enqueue_calls(value, "data", "message")
                continue
            # A fast path for the common case: there may be thousands of chunks.
            listener = listeners[0]
            try:
                result = listener(value)
                if result is not None:
                    await async_settle(listener, result)
            except Exception as error:
                if raised_by_signal_handler(error) is not None:
                    raise
                _logger.exception(_RAISED, self._endpoint_id)

    async def _call(self, listener: Listener, value: Any) -> None:
        try:
            if self._deadline == math.inf:
                await async_call(listener, value)
            else:
                seconds = max(0.0, self._deadline - time.monotonic())
                await async_call_with_timeout(seconds, listener, value)
        except Exception as error:
            if raised_by_signal_handler(error) is not None:
                raise
            _logger.exception(_RAISED, self._endpoint_id)
