"""The summary of a stream that has ended, for the log and the span.

Promises: apart from sizes and the server's request id, it contains nothing that was sent or
received. Not here: where it is reported (`_reporting`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ApiError, FalStreamError, StreamTimeout, excerpt
from .stream_state import Outcome

_LONGEST = 120


@dataclass(frozen=True)
class StreamSummary:
    """The summary of a stream that has ended, for the log and the span.

    Attributes:
        endpoint_id: The endpoint.
        request_id: The server's id of the request, or None.
        outcome: The outcome of the stream.
        chunks: The number of chunks that arrived.
        received: The number of bytes of the body that arrived.
        seconds: The time from the start of the request to the end (seconds).
        error: The error that ended the stream, or None.
    """

    endpoint_id: str
    request_id: str | None
    outcome: Outcome
    chunks: int
    received: int
    seconds: float
    error: FalStreamError | None

    @property
    def fields(self) -> dict[str, str | int | float]:
        """The summary as names and values; unknown values are left out."""
        error = self.error
        fields = {
            "endpoint": self.endpoint_id,
            "request_id": None if self.request_id is None else excerpt(self.request_id, _LONGEST),
            "outcome": self.outcome,
            "chunks": self.chunks,
            "bytes": self.received,
            "seconds": round(self.seconds, 3),
            "error": None if error is None else type(error).__name__,
            "status": error.status if isinstance(error, ApiError) else None,
            "phase": error.phase if isinstance(error, StreamTimeout) else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def line(self) -> str:
        """The summary in one line."""
        return " ".join(f"{name}={value}" for name, value in self.fields.items())
