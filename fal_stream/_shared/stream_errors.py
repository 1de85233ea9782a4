"""The errors of streams and uploads that were broken off, or were late."""

from __future__ import annotations

from ..errors import (
    FalStreamError,
    StreamConnectionError,
    StreamInterrupted,
    StreamTimeout,
)
from .stream_state import CANCELLED, STOPPED, StreamState
from .watchdog import OPTION_OF_PHASE, Expired, Phase

_WHAT: dict[Phase, str] = {
    "start": "The server did not begin to answer",
    "idle": "The server showed no sign of life",
    "event": "No chunk came",
    "total": "The stream did not end",
}


def failure_of(
    error: Expired | FalStreamError, chunks: int, delivered: str, *, has_begun: bool
) -> FalStreamError:
    """Return the error to raise for one of a read, or of the request.

    Args:
        error: What was raised.
        chunks: How many chunks had come.
        delivered: What had come, like `2 chunks`.
        has_begun: Whether the response had begun.
    """
    if isinstance(error, Expired):
        return timeout_error(error, delivered)
    if isinstance(error, StreamConnectionError) and has_begun:
        rest = "what came was delivered, the rest is lost: " if chunks else ""
        return StreamInterrupted(
            f"The connection broke after {delivered} ({error.message}); {rest}start a new stream",
            chunks_received=chunks,
        )
    return error


def aborted_error(state: StreamState, chunks: int, delivered: str) -> FalStreamError | None:
    """Return the error to raise where a read was broken off, None where its program wanted that.

    Args:
        state: The state of the stream.
        chunks: How many chunks had come.
        delivered: What had come, like `2 chunks`.
    """
    if state is STOPPED:
        return None
    if state is CANCELLED:
        return cancelled_error(chunks, delivered)
    return StreamInterrupted(
        f"The stream was ended after {delivered}, as its client was closed (in a "
        "notebook: or the cell that began it was interrupted): read a stream inside the `with` of "
        "its client",
        chunks_received=chunks,
    )


def cancelled_error(chunks: int, delivered: str) -> FalStreamError:
    """Return the error of a stream whose reader was cancelled or interrupted.

    Args:
        chunks: How many chunks had come.
        delivered: What had come, like `2 chunks`.
    """
    return StreamInterrupted(
        f"The stream was given up after {delivered}, when the task or thread that "
        "read it was cancelled or interrupted: start a new one",
        chunks_received=chunks,
    )


def timeout_error(expired: Expired, delivered: str) -> StreamTimeout:
    """Return the error of a limit that ran out.

    Args:
        expired: The limit.
        delivered: What had come, like `2 chunks`.

    Returns:
        The error; it names the option that sets the limit.
    """
    happened = f"{_WHAT[expired.phase]} within {expired.seconds:g} s, after {delivered}"
    return _error(expired, happened, "the app needs longer")


def upload_timeout_error(expired: Expired, what: str) -> StreamTimeout:
    """Return the error of a limit that ran out in an upload.

    Args:
        expired: The limit.
        what: What was being uploaded.

    Returns:
        The error; it names the option that sets the limit.
    """
    happened = f"The upload of {what} stood still for {expired.seconds:g} s"
    return _error(expired, happened, "the network needs longer")


def _error(expired: Expired, happened: str, need: str) -> StreamTimeout:
    option = OPTION_OF_PHASE[expired.phase]
    return StreamTimeout(
        f"{happened}; raise {option} if {need}, {option}=None waits forever",
        phase=expired.phase,
        seconds=expired.seconds,
        option=option,
    )
