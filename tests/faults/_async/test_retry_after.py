"""Row 14: `Retry-After`, in every form."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from fal_stream import ApiError, AsyncStreamingClient, RetryPolicy, StreamInterrupted
from fal_stream.testing import Cut, Failure, LocalFal, RecordedRequest
from tests._async.read_stream import read
from tests.concurrency import AsyncJob, async_until


def date(seconds: float) -> str:
    """Give a date as HTTP writes it, so many seconds from now."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return format_datetime(moment, usegmt=True)


# The wait that a value leads to, where a wait is 0.1 s by itself and 0.2 s at most.
WAITS = {
    "0": 0.0,
    "1": 0.2,
    " 0 ": 0.0,
    "86400": 0.2,
    "9" * 400: 0.2,
    "-1": 0.1,
    "1.5": 0.1,
    "soon": 0.1,
    "": 0.1,
    "NaN": 0.1,
    "1e3": 0.1,
    "Mon, 32 Foo 2020 99:99:99 GMT": 0.1,
    "a date in the past": 0.0,
    "a date far away": 0.2,
    "Sun, 06 Nov 1994 08:49:37 GMT": 0.0,
    "Sunday, 06-Nov-94 08:49:37 GMT": 0.0,
}


@pytest.mark.parametrize("value", WAITS, ids=lambda value: value[:30])
async def test_each_form(
    either_fal: LocalFal, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent = {"a date in the past": date(-3600), "a date far away": date(3600)}.get(value, value)
    either_fal.add("acme/app", Failure(429, "busy", headers={"retry-after": sent}))
    policy = RetryPolicy(max_retries=1, base_delay=0.1, max_delay=0.2, enable_jitter=False)
    caplog.set_level(logging.INFO, "fal_stream")
    async with AsyncStreamingClient(**either_fal.settings, retry=policy) as client:
        with pytest.raises(ApiError, match="busy"):
            await client.stream("acme/app").done()
    assert len(either_fal.requests) == 2
    assert re.findall(r"Trying again in ([\d.]+) s", caplog.text) == [f"{WAITS[value]:.1f}"]


async def test_a_wait_longer_than_the_limit_is_not_begun(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", Failure(429, "busy", headers={"retry-after": "1000"}))
    policy = RetryPolicy(max_delay=3_600)
    async with AsyncStreamingClient(**either_fal.settings, retry=policy) as client:
        with pytest.raises(ApiError, match="busy"):
            await client.stream("acme/app", start_timeout=60).done()
        assert len(either_fal.requests) == 1
        # Without a limit it is begun, and an abort ends it.
        stream = client.stream("acme/app", start_timeout=None)
        job = AsyncJob(read, stream)
        await async_until(lambda: len(either_fal.requests) == 2)
        await async_until(either_fal.requests[1].finished.is_set)
        stream.abort()
        assert await job.result() == ([], None)


async def test_never_after_the_first_chunk(either_fal: LocalFal) -> None:
    def script(request: RecordedRequest) -> list[object]:
        return [1, Cut()]

    either_fal.add("acme/app", script)
    async with AsyncStreamingClient(
        **either_fal.settings, retry=RetryPolicy(base_delay=0)
    ) as client:
        chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert type(error) is StreamInterrupted
    assert len(either_fal.requests) == 1
