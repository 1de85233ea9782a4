"""The errors of streams and uploads that were broken off, or were late."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest

from fal_stream import (
    FalStreamError,
    StreamConnectionError,
    StreamInterrupted,
    StreamTimeout,
)
from fal_stream._shared.stream_errors import (
    aborted_error,
    cancelled_error,
    decode_error,
    failure_of,
    last_chunk_error,
    timeout_error,
    upload_timeout_error,
)
from fal_stream._shared.stream_state import CANCELLED, ENDED, NEW, OPEN, STOPPED, StreamState
from fal_stream._shared.watchdog import Expired, Phase
from fal_stream.errors import counted

CASES: list[tuple[Phase, str, str]] = [
    ("start", "start_timeout", "The server did not begin to answer"),
    ("idle", "timeout", "The server showed no sign of life"),
    ("event", "event_timeout", "No chunk came"),
    ("total", "total_timeout", "The stream did not end"),
]


def check(error: StreamTimeout, phase: Phase, option: str) -> None:
    assert isinstance(error, TimeoutError)
    assert (error.phase, error.seconds, error.option) == (phase, 1.5, option)


@pytest.mark.parametrize(("phase", "option", "what"), CASES)
def test_of_a_stream(phase: Phase, option: str, what: str) -> None:
    error = timeout_error(Expired(phase, 1.5), "7 chunks")
    check(error, phase, option)
    assert str(error) == (
        f"{what} within 1.5 s, after 7 chunks; raise {option} if the app needs longer, "
        f"{option}=None waits forever"
    )


@pytest.mark.parametrize(("phase", "option", "what"), CASES)
def test_of_an_upload(phase: Phase, option: str, what: str) -> None:
    error = upload_timeout_error(Expired(phase, 1.5), "input.image (fox.png)")
    check(error, phase, option)
    assert str(error) == (
        f"The upload of input.image (fox.png) made no progress for 1.5 s; raise {option} if the "
        f"network needs longer, {option}=None waits forever"
    )


def test_a_limit_of_a_stream_that_ran_out() -> None:
    error = failure_of(Expired("idle", 1.5), 7, "7 chunks", has_begun=True)
    assert isinstance(error, StreamTimeout)
    assert str(error) == str(timeout_error(Expired("idle", 1.5), "7 chunks"))


BROKE = StreamConnectionError("reset by the peer", request_sent=True)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        (
            0,
            "The connection broke after 0 chunks (reset by the peer); start a new stream",
        ),
        (
            1,
            (
                "The connection broke after 1 chunk (reset by the peer); what had arrived was "
                "delivered, the rest is lost: start a new stream"
            ),
        ),
    ],
)
def test_a_connection_that_broke(chunks: int, message: str) -> None:
    error = failure_of(BROKE, chunks, counted(chunks, "chunk"), has_begun=True)
    assert isinstance(error, StreamInterrupted)
    assert str(error) == message
    assert error.chunks_received == chunks


@pytest.mark.parametrize("has_begun", [False, True])
def test_other_errors_are_raised_as_they_are(has_begun: bool) -> None:
    error = FalStreamError("no")
    assert failure_of(error, 7, "7 chunks", has_begun=has_begun) is error
    assert failure_of(BROKE, 0, "0 chunks", has_begun=False) is BROKE


@pytest.mark.parametrize("state", [NEW, OPEN, ENDED])
def test_a_client_that_was_closed(state: StreamState) -> None:
    error = aborted_error(state, 7, "7 chunks")
    assert isinstance(error, StreamInterrupted)
    assert error.chunks_received == 7
    assert str(error) == (
        "The stream ended after 7 chunks because its client was closed (or, in a notebook, because "
        "the cell that started it was interrupted): read a stream inside the `with` block of its "
        "client"
    )


def test_a_read_that_was_broken_off() -> None:
    assert aborted_error(STOPPED, 7, "7 chunks") is None
    for error in (aborted_error(CANCELLED, 7, "7 chunks"), cancelled_error(7, "7 chunks")):
        assert isinstance(error, StreamInterrupted)
        assert error.chunks_received == 7
        assert str(error) == (
            "The stream ended after 7 chunks because the task or thread that read it was "
            "cancelled or interrupted: start a new one"
        )


# For WebAssembly, whose stack `nox -s wasm` makes as large as it can, this is not too deep.
@pytest.mark.skipif(sys.platform == "emscripten", reason="the stack is large enough")
def test_the_error_of_a_last_chunk_that_is_nested_too_deeply() -> None:
    chunk: dict[str, Any] = {"error": "out of memory", "trace": []}
    for _ in range(100_000):
        chunk["trace"] = [chunk["trace"]]
    error = last_chunk_error(chunk, str.upper)
    assert error.message == "The app reported an error in its last chunk: OUT OF MEMORY"
    assert error.data == "OUT OF MEMORY"
    while chunk["trace"]:  # or freeing it would be too deep for some versions of Python
        chunk["trace"] = chunk["trace"][0]


class SoftLimit(Exception):
    """As a signal handler may raise it."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_what_a_signal_handler_raises_while_a_chunk_is_decoded() -> None:
    def handler(*_: object) -> None:
        raise SoftLimit

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(SoftLimit) as caught:
            signal.raise_signal(signal.SIGUSR1)
        with pytest.raises(SoftLimit) as raised:
            raise decode_error("{}", caught.value, 0, str)
        assert raised.value is caught.value
    finally:
        signal.signal(signal.SIGUSR1, before)
