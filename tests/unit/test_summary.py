from __future__ import annotations

from typing import Any

import pytest

from fal_stream import ApiError, FalStreamError, StreamTimeout
from fal_stream._shared.stream_state import (
    CANCELLED,
    ENDED,
    NEW,
    OPEN,
    STOPPED,
    EndReason,
    Outcome,
    StreamState,
    outcome_of,
)
from fal_stream._shared.summary import StreamSummary


def report(error: FalStreamError | None = None, **changes: Any) -> StreamSummary:
    outcome = outcome_of(error, OPEN, is_aborted=False)
    values: dict[str, Any] = {
        "endpoint_id": "acme/app",
        "request_id": "1-2-3",
        "outcome": outcome,
        "chunks": 12,
        "received": 3456,
        "seconds": 1.23456,
        "error": error,
        **changes,
    }
    return StreamSummary(**values)


def late() -> StreamTimeout:
    return StreamTimeout("late", phase="idle", seconds=3.0, option="timeout")


@pytest.mark.parametrize(
    ("error", "reached", "is_aborted", "outcome"),
    [
        (None, [NEW, OPEN, ENDED], False, "done"),
        (None, [NEW, STOPPED], False, "closed"),
        (None, [NEW, OPEN, STOPPED], False, "closed"),
        (None, [NEW, OPEN, STOPPED], True, "aborted"),
        # What was noted late changes nothing.
        (None, [NEW, STOPPED, OPEN], True, "aborted"),
        (None, [NEW, OPEN, STOPPED, CANCELLED], True, "aborted"),
        (None, [NEW, OPEN, CANCELLED, STOPPED], True, "aborted"),
        (None, [NEW, OPEN, ENDED, CANCELLED], False, "done"),
        (None, [NEW, OPEN, CANCELLED, ENDED], False, "done"),
        (None, [NEW, OPEN, ENDED, STOPPED], True, "aborted"),
        # A signal that is aborted when the stream has ended by itself ends nothing.
        (None, [NEW, OPEN, ENDED], True, "done"),
        (FalStreamError("no"), [NEW], False, "error"),
        (FalStreamError("no"), [NEW, OPEN], False, "error"),
        (FalStreamError("given up"), [NEW, OPEN, CANCELLED], False, "cancelled"),
        (late(), [NEW, OPEN], False, "timeout"),
    ],
)
def test_outcomes(
    error: FalStreamError | None, reached: list[StreamState], is_aborted: bool, outcome: Outcome
) -> None:
    assert outcome_of(error, max(reached), is_aborted=is_aborted) == outcome


def test_outcomes_of_what_a_map_has_ended() -> None:
    reason = EndReason.of("the stream map was closed", "closed")
    assert reason == "the stream map was closed"
    assert outcome_of(None, STOPPED, is_aborted=True, reason=reason) == "closed"
    assert outcome_of(None, ENDED, is_aborted=True, reason=reason) == "done"
    assert outcome_of(None, STOPPED, is_aborted=True, reason="enough") == "aborted"


def test_the_line_of_a_success() -> None:
    assert report().line == (
        "endpoint=acme/app request_id=1-2-3 outcome=done chunks=12 bytes=3456 seconds=1.235"
    )


def test_the_line_of_a_timeout() -> None:
    assert report(late()).line == (
        "endpoint=acme/app request_id=1-2-3 outcome=timeout chunks=12 bytes=3456 seconds=1.235 "
        "error=StreamTimeout phase=idle"
    )


def test_the_line_of_an_error_of_the_server() -> None:
    error = ApiError("the prompt 'my secret' is bad", status=500, body="my secret")
    assert report(error, chunks=0, received=0, request_id=None).line == (
        "endpoint=acme/app outcome=error chunks=0 bytes=0 seconds=1.235 error=ApiError status=500"
    )


def test_a_request_id_is_shortened_and_made_fit_to_print() -> None:
    assert "request_id=a\\x1bb " in report(request_id="a\x1bb").line
    shown = report(request_id="x" * 121).fields["request_id"]
    assert shown == "x" * 120 + "... (121 characters)"
    assert report(request_id="x" * 120).fields["request_id"] == "x" * 120


def test_the_fields_are_numbers_and_text() -> None:
    assert report().fields == {
        "endpoint": "acme/app",
        "request_id": "1-2-3",
        "outcome": "done",
        "chunks": 12,
        "bytes": 3456,
        "seconds": 1.235,
    }
