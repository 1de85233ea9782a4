"""Each time limit: when it ends a stream, and when it must not."""

from __future__ import annotations

import math
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream import AsyncFalStream, AsyncStreamingClient, StreamTimeout
from fal_stream.testing import (
    Hang,
    LocalFal,
    Pause,
    Ping,
    Raw,
    RecordedRequest,
    Reply,
    Script,
    Wire,
)
from tests.concurrency import async_sleep, async_until
from tests.sockets import MuteServer

from .read_stream import Outcome, read

OPTIONS = {
    "start": "start_timeout",
    "idle": "timeout",
    "event": "event_timeout",
    "total": "total_timeout",
}

DRIPPED_HEAD = Reply(
    [Wire(b"HTTP/1.1 200 OK\r\n"), *[Wire(b"x-a: 1\r\n"), Pause(0.05)] * 1000], head=b""
)


async def expect_timeout(
    stream: AsyncFalStream[Any], phase: str, seconds: float, chunks: list[Any]
) -> None:
    """Read a stream that must end with a timeout, and look at the error from all sides."""
    got, error = await read(stream)
    assert got == chunks
    assert isinstance(error, StreamTimeout)
    assert isinstance(error, TimeoutError)
    assert (error.phase, error.seconds, error.option) == (phase, seconds, OPTIONS[phase])
    assert f"{error.option}=None" in str(error)
    assert stream.endpoint_id in str(error)
    assert stream.closed
    with pytest.raises(StreamTimeout) as again:
        await stream.done()
    assert again.value is error


@pytest.mark.parametrize("script", [Reply(delay=math.inf), DRIPPED_HEAD], ids=["silent", "dripped"])
async def test_start_timeout_before_the_head(
    fal: LocalFal, client: AsyncStreamingClient, script: Script
) -> None:
    fal.add("acme/app", script)
    await expect_timeout(client.stream("acme/app", start_timeout=0.2), "start", 0.2, [])
    await async_until(fal.requests[0].gone.is_set)


async def test_start_raises_the_timeout(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(delay=math.inf))
    stream = client.stream("acme/app", start_timeout=0.2)
    for _ in range(2):
        with pytest.raises(StreamTimeout):
            await stream.start()
    with pytest.raises(StreamTimeout):
        async with stream:
            pass


async def test_start_timeout_while_connecting(unreachable: str) -> None:
    async with AsyncStreamingClient(run_url=f"http://{unreachable}", credentials="a:b") as client:
        await expect_timeout(client.stream("acme/app", start_timeout=0.2), "start", 0.2, [])


async def test_start_timeout_in_the_tls_handshake(mute: MuteServer) -> None:
    async with AsyncStreamingClient(run_url=f"https://{mute.address}", credentials="a:b") as client:
        await expect_timeout(client.stream("acme/app", start_timeout=0.2), "start", 0.2, [])
        await async_until(lambda: mute.abandoned)


async def test_start_timeout_of_an_upload_that_nobody_reads(mute: MuteServer) -> None:
    async with AsyncStreamingClient(run_url=f"http://{mute.address}", credentials="a:b") as client:
        stream = client.stream("acme/app", input={"a": "x" * 20_000_000}, start_timeout=0.5)
        await expect_timeout(stream, "start", 0.5, [])
        await async_until(lambda: mute.abandoned)


async def test_start_timeout_of_an_upload_over_tls(tls_context: ssl.SSLContext) -> None:
    mute = MuteServer(tls_context)
    async with AsyncStreamingClient(run_url=f"https://{mute.address}", credentials="a:b") as client:
        stream = client.stream("acme/app", input={"a": "x" * 20_000_000}, start_timeout=2)
        await expect_timeout(stream, "start", 2, [])
        assert mute.connected == 1
    mute.close()


async def test_start_timeout_ends_with_the_head(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [Pause(1), 1])
    assert await read(client.stream("acme/app", start_timeout=0.5)) == Outcome([1], None)


@pytest.mark.parametrize(
    "rest",
    [[Hang()], [Raw(b"x"), Pause(0.02)] * 1000, [Raw(b"data: 1"), Hang()]],
    ids=["silence", "a drip that completes no line", "half a line"],
)
async def test_idle_timeout(
    fal: LocalFal, client: AsyncStreamingClient, rest: list[object]
) -> None:
    fal.add("acme/app", [1, 2, *rest])
    await expect_timeout(client.stream("acme/app", timeout=0.3), "idle", 0.3, [1, 2])
    await async_until(fal.requests[0].gone.is_set)


async def test_idle_timeout_before_the_first_chunk(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [Hang()])
    await expect_timeout(client.stream("acme/app", timeout=0.2), "idle", 0.2, [])


@pytest.mark.parametrize("sign", [Ping(), Raw(b"\n"), Raw(b"foo: 1\n")])
async def test_signs_of_life_put_the_idle_timeout_off(
    fal: LocalFal, client: AsyncStreamingClient, sign: object
) -> None:
    fal.add("acme/app", [1, *[sign, Pause(0.05)] * 30, 2])
    assert await read(client.stream("acme/app", timeout=1)) == Outcome([1, 2], None)


async def test_the_bytes_of_a_binary_stream_put_the_idle_timeout_off(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply([b"x", Pause(0.05)] * 30, content_type="audio/wav"))
    got, error = await read(client.stream("acme/app", timeout=1))
    assert (b"".join(got), error) == (b"x" * 30, None)


async def test_idle_timeout_of_a_binary_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply([b"x", Hang()], content_type="audio/wav"))
    await expect_timeout(client.stream("acme/app", timeout=0.2), "idle", 0.2, [b"x"])


async def test_pings_do_not_put_the_event_timeout_off(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, *[Ping(), Pause(0.05)] * 1000])
    await expect_timeout(
        client.stream("acme/app", timeout=10, event_timeout=0.5), "event", 0.5, [1]
    )
    await async_until(fal.requests[0].gone.is_set)


async def test_chunks_put_idle_and_event_timeout_off(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Pause(0.1)] * 15)
    outcome = await read(client.stream("acme/app", timeout=1, event_timeout=1))
    assert outcome == Outcome([1] * 15, None)


def flood(request: RecordedRequest) -> Iterator[object]:
    """One chunk, then signs of life without a pause and without an end."""
    yield 1
    while True:
        yield Raw(b": ping\n\n" * 100)


@pytest.mark.parametrize("phase", ["event", "total"])
async def test_a_flood_without_chunks(
    fal: LocalFal, client: AsyncStreamingClient, phase: str
) -> None:
    fal.add("acme/app", flood)
    limits: dict[str, Any] = {OPTIONS[phase]: 0.5}
    await expect_timeout(client.stream("acme/app", **limits), phase, 0.5, [1])
    await async_until(fal.requests[0].gone.is_set)


@pytest.mark.parametrize("step", [2, Ping()], ids=["chunks", "pings"])
async def test_total_timeout(fal: LocalFal, client: AsyncStreamingClient, step: object) -> None:
    fal.add("acme/app", [1, *[step, Pause(0.1)] * 1000])
    stream = client.stream("acme/app", total_timeout=1.5)
    got, error = await read(stream)
    assert got[0] == 1
    assert len(got) < 20
    assert isinstance(error, StreamTimeout)
    assert (error.phase, error.seconds, error.option) == ("total", 1.5, "total_timeout")
    await async_until(fal.requests[0].gone.is_set)


async def test_total_timeout_before_the_head(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(delay=math.inf))
    await expect_timeout(client.stream("acme/app", total_timeout=0.2), "total", 0.2, [])


async def test_the_limit_that_runs_out_first_is_named(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream(
        "acme/app", start_timeout=0.7, timeout=2, event_timeout=1, total_timeout=5
    )
    got, error = await read(stream)
    assert got == [1]
    assert isinstance(error, StreamTimeout)
    assert error.phase == "event"


async def test_the_limits_of_the_client_hold(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    async with AsyncStreamingClient(**fal.settings, timeout=0.2) as client:
        await expect_timeout(client.stream("acme/app"), "idle", 0.2, [1])
        await expect_timeout(client.stream("acme/app", timeout=0.3), "idle", 0.3, [1])


async def test_none_switches_a_limit_off(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([Pause(0.4), 1, Pause(0.4), 2], delay=0.4))
    limits: dict[str, Any] = dict.fromkeys(OPTIONS.values(), 0.1)
    off: dict[str, Any] = dict.fromkeys(OPTIONS.values())
    async with AsyncStreamingClient(**fal.settings, **limits) as client:
        assert await read(client.stream("acme/app", **off)) == Outcome([1, 2], None)
    async with AsyncStreamingClient(**fal.settings, **off) as client:
        assert await read(client.stream("acme/app")) == Outcome([1, 2], None)


async def test_chunks_are_delivered_before_the_timeout_however_late(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2, 3, Hang()])
    stream = client.stream("acme/app", timeout=0.2)
    with pytest.raises(StreamTimeout):
        await stream.done()
    await expect_timeout(stream, "idle", 0.2, [1, 2, 3])


async def test_a_client_goes_on_after_timeouts(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/hang", [1, Hang()])
    fal.add("acme/app", [1, 2])
    for _ in range(3):
        await expect_timeout(client.stream("acme/hang", timeout=0.1), "idle", 0.1, [1])
        assert await client.stream("acme/app").done() == 2


LIMITS: dict[str, Any] = {"timeout": 1, "event_timeout": 1, "total_timeout": 1.4}
LONGER_THAN_EVERY_LIMIT = 1.5


def endless(request: RecordedRequest) -> Iterator[object]:
    """More than all buffers on the way hold, so that the server is never done first."""
    while True:
        yield "x" * 100_000


@pytest.mark.parametrize(
    "script",
    [
        Reply([1, 2, 3, 4], coalesce=True),
        [1, Pause(0.1), 2, Pause(0.1), 3, Pause(0.1), 4],
        [1, Pause(0.1), 2, *[Ping(), Pause(0.05)] * 20, 3, 4],
    ],
    ids=["all sent", "goes on", "pings meanwhile"],
)
async def test_a_slow_consumer_trips_no_limit(
    fal: LocalFal, client: AsyncStreamingClient, script: Script
) -> None:
    fal.add("acme/app", script)
    got: list[Any] = []
    async for chunk in client.stream("acme/app", **LIMITS):
        got.append(chunk)
        if chunk == 1:
            await async_sleep(LONGER_THAN_EVERY_LIMIT)
    assert got == [1, 2, 3, 4]


async def test_a_slow_consumer_of_a_server_that_never_stops(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", endless)
    count = 0
    async with client.stream("acme/app", **LIMITS) as stream:
        await async_sleep(LONGER_THAN_EVERY_LIMIT)
        async for _ in stream:
            count += 1
            if count == 20:
                await async_sleep(LONGER_THAN_EVERY_LIMIT)
            if count == 100:
                break
    assert count == 100


async def test_a_slow_listener_trips_no_limit(fal: LocalFal, client: AsyncStreamingClient) -> None:
    async def rest(chunk: object) -> None:
        await async_sleep(LONGER_THAN_EVERY_LIMIT)

    fal.add("acme/app", [1, Ping()])
    stream = client.stream("acme/app", **LIMITS).on("data", rest)
    assert await read(stream) == Outcome([1], None)
