from __future__ import annotations

from typing import Any

import pytest

from fal_stream import ApiError, FalStreamError, StreamTimeout
from fal_stream._shared.summary import Outcome, StreamSummary, outcome_of


def report(error: FalStreamError | None = None, **changes: Any) -> StreamSummary:
    outcome = outcome_of(error, is_stopped=False, is_aborted=False, is_cancelled=False)
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
    ("error", "is_stopped", "is_aborted", "is_cancelled", "outcome"),
    [
        (None, False, False, False, "done"),
        (None, True, False, False, "closed"),
        (None, True, True, False, "aborted"),
        # A signal that is aborted when the stream has ended by itself ends nothing.
        (None, False, True, False, "done"),
        (FalStreamError("no"), False, False, False, "error"),
        (FalStreamError("given up"), False, False, True, "cancelled"),
        (late(), False, False, False, "timeout"),
    ],
)
def test_outcomes(
    error: FalStreamError | None,
    is_stopped: bool,
    is_aborted: bool,
    is_cancelled: bool,
    outcome: Outcome,
) -> None:
    found = outcome_of(
        error, is_stopped=is_stopped, is_aborted=is_aborted, is_cancelled=is_cancelled
    )
    assert found == outcome


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
