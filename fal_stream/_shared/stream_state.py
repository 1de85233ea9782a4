"""The states of a stream, and how it has ended.

    NEW ──── response head ───> OPEN ──── last chunk, end of body ───> ENDED
     │                           │
     └── reader cancelled ───────┴──> CANCELLED

    each of these ─── abort(), aclose() ─────────> STOPPED
    each of these ─── an error, or its end ──────> CLOSED

A stream records each state that it reaches, and never removes one; its current state is the highest
of them. So several threads may record states in any order, and a state that is recorded late
changes nothing. Recording one is an append to a list, a single operation of the interpreter, so no
lock is needed even if a signal handler or another thread aborts the stream in the middle of
anything.

| state | recorded by | meaning |
| --- | --- | --- |
| NEW | | the request was not sent, or there is no response yet |
| OPEN | the holder of the read lock | the response head has arrived: chunks may come |
| CANCELLED | the reader, or the task that leaves `async with` | the reader was cancelled |
| ENDED | the holder of the read lock | the server has sent everything |
| STOPPED | any thread, at any time | `abort()` or `aclose()` was called |
| CLOSED | the holder of the read lock | error and outcome are set; nothing more comes |

The order decides which state wins: if a reader is cancelled after the server has sent everything,
the outcome is "done"; and an abort before the stream is closed makes it "aborted", whatever else
has happened.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, TypeAlias

from ..errors import FalStreamError, StreamTimeout

Outcome: TypeAlias = Literal[
    "done", "aborted", "closed", "cancelled", "timeout", "error", "dropped"
]


class EndReason(str):
    """The reason of an abort by fal_stream itself, such as a stream map that ends its streams.

    Attributes:
        outcome: The outcome of the streams.
    """

    __slots__ = ("outcome",)
    outcome: Outcome

    @classmethod
    def of(cls, text: str, outcome: Outcome) -> EndReason:
        """Return a reason with its outcome."""
        reason = cls(text)
        reason.outcome = outcome
        return reason


class StreamState(IntEnum):
    """The state of a stream; of several, the highest one is the current state."""

    NEW = 0
    OPEN = 1
    CANCELLED = 2
    ENDED = 3
    STOPPED = 4
    CLOSED = 5


# As names of the module, because looking up a member in the class is a call on Python 3.10.
NEW, OPEN, CANCELLED, ENDED, STOPPED, CLOSED = StreamState


def outcome_of(
    error: FalStreamError | None, state: StreamState, *, is_aborted: bool, reason: object = None
) -> Outcome:
    """Return the outcome of a stream.

    Args:
        error: The error that ended the stream, or None.
        state: The state of the stream before it was closed.
        is_aborted: Whether its signal was aborted.
        reason: The reason of the abort. Default: none.

    Returns:
        `done`, `aborted`, `closed`, `cancelled`, `timeout` or `error`; after an abort by a stream
        map, the outcome of the map.
    """
    if error is not None and state is CANCELLED:
        return "cancelled"
    if error is not None:
        return "timeout" if isinstance(error, StreamTimeout) else "error"
    if state is STOPPED and isinstance(reason, EndReason):
        return reason.outcome
    if state is STOPPED:
        return "aborted" if is_aborted else "closed"
    return "done"
