"""Row 34: a wall clock that jumps."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from fal_stream import AsyncStreamingClient, RetryPolicy, StreamTimeout
from fal_stream.testing import Failure, Hang, LocalFal, Pause, Ping, RecordedRequest
from tests._async.read_stream import Outcome, read

DAY = 24 * 3600.0


@pytest.fixture(params=["forward", "back", "to and fro"])
def jumps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the wall clock jump by days each time that it is looked at."""
    steps = {
        "forward": itertools.count(DAY, DAY),
        "back": itertools.count(-DAY, -DAY),
        "to and fro": itertools.cycle([DAY, -DAY]),
    }[request.param]
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + next(steps))


@pytest.mark.usefixtures("jumps")
async def test_no_limit_goes_by_the_wall_clock(either_fal: LocalFal) -> None:
    failures = [Failure(503), Failure(429, headers={"retry-after": "0"})]

    def script(request: RecordedRequest) -> Any:
        return failures.pop() if failures else [1, Pause(0.05), Ping(), Pause(0.05), 2]

    either_fal.add("acme/app", script)
    either_fal.add("acme/hang", [1, Hang()])
    limits = dict.fromkeys(("start_timeout", "timeout", "event_timeout", "total_timeout"), 20.0)
    settings = {**either_fal.settings, "retry": RetryPolicy(base_delay=0), **limits}
    async with AsyncStreamingClient(**settings) as client:
        for _ in range(3):
            assert await read(client.stream("acme/app")) == Outcome([1, 2], None)
        chunks, error = await read(client.stream("acme/hang", timeout=0.2))
        assert chunks == [1]
        assert isinstance(error, StreamTimeout)
        assert error.phase == "idle"


@pytest.mark.usefixtures("jumps")
async def test_no_token_goes_by_the_wall_clock(either_fal: LocalFal) -> None:
    given: list[str] = []

    def provide(path: str) -> str:
        given.append(path)
        return "abc"

    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1])
        async with AsyncStreamingClient(run_url=fal.url) as client:
            for _ in range(3):
                stream = client.stream("acme/app", connection_mode="client", token_provider=provide)
                assert await stream.done() == 1
    assert len(given) == 1
