"""Report the end of a stream: a log line and a span.

Promises: it reads the clock once when the stream starts, and does nothing for a chunk.
"""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager

from .._shared.stream_state import Outcome
from .._shared.summary import StreamSummary
from ..errors import FalStreamError
from .log import LOGGER
from .spans import begin_span, current_span, end_span


class Reporter:
    """Reports the end of one stream; created before its request is sent."""

    __slots__ = ("_began", "_endpoint_id", "_span")

    def __init__(self, endpoint_id: str) -> None:
        self._endpoint_id = endpoint_id
        self._began = time.monotonic()
        self._span = begin_span(endpoint_id)

    @property
    def is_heard(self) -> bool:
        """Whether there is a span, or the log has the level INFO."""
        return self._span is not None or LOGGER.isEnabledFor(logging.INFO)

    def current(self) -> AbstractContextManager[object]:
        """Return a context manager in which the span of the stream is the current one."""
        return current_span(self._span)

    def end(
        self,
        outcome: Outcome,
        error: FalStreamError | None,
        *,
        request_id: str | None,
        chunks: int,
        received: int,
    ) -> None:
        """Report that the stream has ended.

        Args:
            outcome: The outcome of the stream.
            error: The error that ended it, or None.
            request_id: The server's id of the request, or None.
            chunks: The number of chunks that arrived.
            received: The number of bytes of the body that arrived.
        """
        seconds = time.monotonic() - self._began
        summary = StreamSummary(
            self._endpoint_id, request_id, outcome, chunks, received, seconds, error
        )
        if LOGGER.isEnabledFor(logging.INFO):
            LOGGER.info("stream %s", summary.line, extra={"fal_stream": summary.fields})
        if self._span is not None:
            end_span(self._span, summary)
