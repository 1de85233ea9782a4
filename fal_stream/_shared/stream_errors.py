"""The errors of streams and uploads: broken connections, timeouts, and errors in events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from pydantic_core import ValidationError

from ..errors import (
    FalStreamError,
    IncompleteStream,
    OutputValidationError,
    StreamConnectionError,
    StreamDecodeError,
    StreamEventError,
    StreamInterrupted,
    StreamTimeout,
    excerpt,
    quoted,
)
from .decode import decode_report, raised_while_decoding
from .reported_error import reported_error
from .stream_state import CANCELLED, STOPPED, StreamState
from .watchdog import OPTION_OF_PHASE, Expired, Phase

Redact: TypeAlias = Callable[[str], str]
"""Masks the secrets of the request in a text."""

_WHAT: dict[Phase, str] = {
    "start": "The server did not begin to answer",
    "idle": "The server showed no sign of life",
    "event": "No chunk came",
    "total": "The stream did not end",
}


def failure_of(
    error: Expired | FalStreamError, chunks: int, delivered: str, *, has_begun: bool
) -> FalStreamError:
    """Return the error to raise for an exception of the request or of a read.

    Args:
        error: The exception.
        chunks: The number of chunks that had arrived.
        delivered: The same as text, like `2 chunks`.
        has_begun: Whether the response had begun.
    """
    if isinstance(error, Expired):
        return timeout_error(error, delivered)
    if isinstance(error, StreamConnectionError) and has_begun:
        rest = "what had arrived was delivered, the rest is lost: " if chunks else ""
        return StreamInterrupted(
            f"The connection broke after {delivered} ({error.message}); {rest}start a new stream",
            chunks_received=chunks,
        )
    return error


def aborted_error(state: StreamState, chunks: int, delivered: str) -> FalStreamError | None:
    """Return the error to raise for an aborted read; None if the program has stopped the stream.

    Args:
        state: The state of the stream.
        chunks: The number of chunks that had arrived.
        delivered: The same as text, like `2 chunks`.
    """
    if state is STOPPED:
        return None
    if state is CANCELLED:
        return cancelled_error(chunks, delivered)
    return StreamInterrupted(
        f"The stream ended after {delivered} because its client was closed (or, in a notebook, "
        "because the cell that started it was interrupted): read a stream inside the `with` block "
        "of its client",
        chunks_received=chunks,
    )


def cancelled_error(chunks: int, delivered: str) -> FalStreamError:
    """Return the error of a stream whose reader was cancelled or interrupted.

    Args:
        chunks: The number of chunks that had arrived.
        delivered: The same as text, like `2 chunks`.
    """
    return StreamInterrupted(
        f"The stream ended after {delivered} because the task or thread that read it was "
        "cancelled or interrupted: start a new one",
        chunks_received=chunks,
    )


def timeout_error(expired: Expired, delivered: str) -> StreamTimeout:
    """Return the error of a limit that ran out, which names the option that sets the limit.

    Args:
        expired: The limit.
        delivered: What had arrived, like `2 chunks`.
    """
    happened = f"{_WHAT[expired.phase]} within {expired.seconds:g} s, after {delivered}"
    return _error(expired, happened, "the app needs longer")


def upload_timeout_error(expired: Expired, what: str) -> StreamTimeout:
    """Return the error of a limit that ran out in an upload; see `timeout_error`.

    Args:
        expired: The limit.
        what: What was being uploaded.
    """
    happened = f"The upload of {what} made no progress for {expired.seconds:g} s"
    return _error(expired, happened, "the network needs longer")


def _error(expired: Expired, happened: str, need: str) -> StreamTimeout:
    option = OPTION_OF_PHASE[expired.phase]
    return StreamTimeout(
        f"{happened}; raise {option} if {need}, {option}=None waits forever",
        phase=expired.phase,
        seconds=expired.seconds,
        option=option,
    )


def event_error(text: str, delivered: str, redact: Redact) -> StreamEventError:
    """Return the error that an event of the app reports.

    Args:
        text: The data of the event.
        delivered: What had arrived, like `2 chunks`.
        redact: Masks secrets.
    """
    text = redact(text)
    return StreamEventError(
        f"The app reported an error after {delivered}: {excerpt(text)}", data=decode_report(text)
    )


def last_chunk_error(chunk: Any, redact: Redact) -> StreamEventError:
    """Return the error that the last chunk of a stream reports.

    Args:
        chunk: The chunk, as JSON.
        redact: Masks secrets.
    """
    message = redact(reported_error(chunk) or "")
    try:
        text = redact(json.dumps(chunk))
    except RecursionError:
        text = message
    return StreamEventError(
        f"The app reported an error in its last chunk: {excerpt(message)}",
        data=decode_report(text),
    )


def cut_event_error(raw: bytes, count: int, delivered: str, redact: Redact) -> IncompleteStream:
    """Return the error of a body that ends in the middle of an event.

    Args:
        raw: The bytes of the event that have arrived.
        count: The number of chunks that had arrived.
        delivered: The same as text, like `2 chunks`.
        redact: Masks secrets.
    """
    text = redact(raw.decode("utf-8", "replace"))
    return IncompleteStream(
        f"The stream ended in the middle of an event, after {delivered}: {quoted(text)}; the app "
        "may have died, look at its logs",
        chunks_received=count,
    )


def decode_error(text: str, error: Exception, index: int, redact: Redact) -> StreamDecodeError:
    """Return the error of an event that can't be decoded to a chunk.

    Args:
        text: The data of the event.
        error: The exception that decoding or validating raised.
        index: The number of the chunk, from 0.
        redact: Masks secrets.

    Raises:
        Exception: The exception that a signal handler raised while decoding.
    """
    raised = raised_while_decoding(error)
    if raised is not None:
        raise raised
    text = redact(text)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the chunk itself"
        said = excerpt(redact(place), 120) + ": " + excerpt(redact(first["msg"]))
        return OutputValidationError(
            f"Chunk {index} is not of the output_type: {said}; it was {excerpt(text)}",
            raw=text,
            index=index,
        )
    if not isinstance(error, (ValueError, RecursionError)):
        failure = OutputValidationError(
            f"Chunk {index} could not be validated: the output_type raised "
            f"{type(error).__name__}, which is the cause of this; it was {excerpt(text)}",
            raw=text,
            index=index,
        )
        failure.__cause__ = error
        return failure
    reason = redact(str(error))
    if isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    return StreamDecodeError(
        f"Chunk {index} is not JSON ({reason}): {quoted(text)}; "
        "events() gives such events as they are",
        raw=text,
        index=index,
    )
