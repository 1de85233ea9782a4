"""The errors of limits that ran out."""

from __future__ import annotations

import pytest

from fal_stream import StreamTimeout
from fal_stream._shared.timeouts import timeout_error, upload_timeout_error
from fal_stream._shared.watchdog import Expired, Phase

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
        f"The upload of input.image (fox.png) stood still for 1.5 s; raise {option} if the "
        f"network needs longer, {option}=None waits forever"
    )
