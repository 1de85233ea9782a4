"""The states of a stream, and how it has ended.

    NEW ──── response head ───> OPEN ──── last chunk, end of body ───> ENDED
     │                           │
     └── reader cancelled ───────┴──> CANCELLED

    each of these ─── abort(), aclose() ─────────> STOPPED
    each of these ─── an error, or its end ──────> CLOSED

A stream notes each state that it reaches, and takes none back: it is in the highest of them. So
states may be noted in any order, by two at once: what is noted late changes nothing. Noting one is
an append to a list, one step of the interpreter, so no lock is needed where a signal handler or
another thread aborts the stream in the middle of anything.

| state | who notes it | what it means |
| --- | --- | --- |
| NEW | | the request was not sent, or is not answered yet |
| OPEN | who holds the read lock | the response is there: chunks may come |
| CANCELLED | the reader, or who leaves `async with` | its reader was cancelled or interrupted |
| ENDED | who holds the read lock | the server has sent everything |
| STOPPED | anybody, at any time | `abort()` or `aclose()` was called |
| CLOSED | who holds the read lock | its error and outcome are set; nothing more comes |

The order says which wins: a reader that is cancelled when everything has come is told "done", and
an abort before the stream is closed makes it "aborted", whatever else has happened.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, TypeAlias

from ..errors import FalStreamError, StreamTimeout

Outcome: TypeAlias = Literal[
    "done", "aborted", "closed", "cancelled", "timeout", "error", "dropped"
]


class EndReason(str):
    """Why something of ours ends its streams, as the reason of an abort.

    Attributes:
        outcome: How the streams have ended then.
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
    """What a stream has reached; the higher one counts."""

    NEW = 0
    OPEN = 1
    CANCELLED = 2
    ENDED = 3
    STOPPED = 4
    CLOSED = 5


# By themselves, as looking one up in the class is a call on Python 3.10.
NEW, OPEN, CANCELLED, ENDED, STOPPED, CLOSED = StreamState


def outcome_of(
    error: FalStreamError | None, state: StreamState, *, is_aborted: bool, reason: object = None
) -> Outcome:
    """Name how a stream has ended.

    Args:
        error: What ended it, or None.
        state: Its state before it was closed.
        is_aborted: Whether its signal was aborted.
        reason: The reason of the abort. Default: none.

    Returns:
        `done`, `aborted`, `closed`, `cancelled`, `timeout` or `error`; of an abort by a stream map,
        what has ended the map.
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
