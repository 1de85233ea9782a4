"""Several consumers of one stream: each chunk comes once, and nobody is left waiting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream import ApiError, AsyncFalStream, AsyncStreamingClient, StreamInterrupted
from fal_stream.testing import (
    Cut,
    Failure,
    Hang,
    LocalFal,
    Pause,
    RecordedRequest,
    Reply,
    Script,
)
from tests.concurrency import AsyncJob, async_sleep, async_until

from .read_stream import Outcome, read

CHUNKS = list(range(200))

SCRIPTS: dict[str, Script] = {
    "at once": Reply(CHUNKS, coalesce=True),
    "one by one": CHUNKS,
    "with pauses": [step for chunk in CHUNKS for step in (chunk, Pause(0.001))],
}


async def take(stream: AsyncFalStream[Any], count: int) -> list[Any]:
    """Take so many chunks and leave the rest."""
    got: list[Any] = []
    async for chunk in stream:
        got.append(chunk)
        if len(got) == count:
            break
    return got


async def read_slowly(stream: AsyncFalStream[Any]) -> Outcome:
    """Iterate a stream to its end, with a rest after each chunk."""
    got: list[Any] = []
    async for chunk in stream:
        got.append(chunk)
        await async_sleep(0.001)
    return Outcome(got, None)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("consumers", [2, 4])
async def test_each_chunk_comes_once(
    fal: LocalFal, client: AsyncStreamingClient, consumers: int, script: Script
) -> None:
    fal.add("acme/app", script)
    stream = client.stream("acme/app")
    jobs = [AsyncJob(read, stream) for _ in range(consumers)]
    outcomes = [await job.result() for job in jobs]
    assert sorted(chunk for got, _ in outcomes for chunk in got) == CHUNKS
    for got, error in outcomes:
        assert got == sorted(got)
        assert error is None
    assert len(fal.requests) == 1


async def test_consumers_that_take_turns_share_the_chunks(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply(CHUNKS, coalesce=True))
    stream = client.stream("acme/app")
    jobs = [AsyncJob(read_slowly, stream) for _ in range(2)]
    first, second = [await job.result() for job in jobs]
    assert first.chunks
    assert second.chunks
    assert sorted(first.chunks + second.chunks) == CHUNKS


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_done_takes_no_chunk_from_another_consumer(
    fal: LocalFal, client: AsyncStreamingClient, script: Script
) -> None:
    fal.add("acme/app", script)
    stream = client.stream("acme/app")
    reader = AsyncJob(read, stream)
    waiters = [AsyncJob(stream.done) for _ in range(4)]
    assert [await job.result() for job in waiters] == [CHUNKS[-1]] * 4
    assert await reader.result() == Outcome(CHUNKS, None)
    assert await stream.done() == CHUNKS[-1]
    assert len(fal.requests) == 1


async def test_done_before_the_iteration_begins(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", SCRIPTS["with pauses"])
    stream = client.stream("acme/app")
    waiter = AsyncJob(stream.done)
    await async_until(lambda: stream.current_data is not None)
    assert await read(stream) == Outcome(CHUNKS, None)
    assert await waiter.result() == CHUNKS[-1]


async def test_done_from_several_at_once(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Pause(0.1), 2])
    stream = client.stream("acme/app")
    jobs = [AsyncJob(stream.done) for _ in range(8)]
    assert [await job.result() for job in jobs] == [2] * 8
    assert await read(stream) == Outcome([1, 2], None)


async def test_a_consumer_that_stops_while_done_runs(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", SCRIPTS["with pauses"])
    stream = client.stream("acme/app")
    taker = AsyncJob(take, stream, 3)
    waiter = AsyncJob(stream.done)
    assert await taker.result() == [0, 1, 2]
    assert await waiter.result() == CHUNKS[-1]
    assert await read(stream) == Outcome(CHUNKS[3:], None)


async def test_breaking_off_and_going_on(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", SCRIPTS["one by one"])
    async with client.stream("acme/app") as stream:
        assert await take(stream, 3) == [0, 1, 2]
        assert await take(stream, 2) == [3, 4]
        assert await read(stream) == Outcome(CHUNKS[5:], None)
        assert await read(stream) == Outcome([], None)


async def test_one_consumer_goes_on_where_another_stopped(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", SCRIPTS["with pauses"])
    stream = client.stream("acme/app")
    taker, reader = AsyncJob(take, stream, 3), AsyncJob(read, stream)
    taken, outcome = await taker.result(), await reader.result()
    assert len(taken) == 3
    assert sorted(taken + outcome.chunks) == CHUNKS


async def test_an_error_comes_to_every_consumer_after_the_chunks(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [*CHUNKS, Cut()])
    stream = client.stream("acme/app")
    readers = [AsyncJob(read, stream) for _ in range(3)]
    waiters = [AsyncJob(stream.done) for _ in range(3)]
    outcomes = [await job.result() for job in readers]
    assert sorted(chunk for got, _ in outcomes for chunk in got) == CHUNKS
    error = outcomes[0].error
    assert isinstance(error, StreamInterrupted)
    assert error.chunks_received == len(CHUNKS)
    assert all(outcome.error is error for outcome in outcomes)
    for job in waiters:
        with pytest.raises(StreamInterrupted) as raised:
            await job.result()
        assert raised.value is error


async def test_a_refusal_comes_to_every_consumer(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Failure(503, "busy", delay=0.2))
    stream = client.stream("acme/app")
    readers = [AsyncJob(read, stream) for _ in range(3)]
    starters = [AsyncJob(stream.start) for _ in range(3)]
    for job in readers:
        outcome = await job.result()
        assert outcome.chunks == []
        assert isinstance(outcome.error, ApiError)
    for starter in starters:
        with pytest.raises(ApiError):
            await starter.result()
    assert len(fal.requests) == 1


async def test_starting_at_once_sends_one_request(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply([1, 2], delay=0.2))
    stream = client.stream("acme/app")
    starters = [AsyncJob(stream.start) for _ in range(8)]
    reader = AsyncJob(read, stream)
    assert [await job.result() for job in starters] == [stream] * 8
    assert await reader.result() == Outcome([1, 2], None)
    assert len(fal.requests) == 1


async def test_closing_ends_the_others(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    readers = [AsyncJob(read, stream) for _ in range(2)]
    waiter = AsyncJob(stream.done)
    await async_until(lambda: stream.current_data == 1)
    await stream.aclose()
    assert stream.closed
    outcomes = [await job.result() for job in readers]
    assert sorted(got for got, _ in outcomes) == [[], [1]]
    assert await waiter.result() == 1
    await async_until(fal.requests[0].gone.is_set)


async def test_a_consumer_that_waits_holds_no_other_up(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    goes_on = [False]

    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        while not goes_on[0]:
            yield Pause(0.01)
        yield 2

    fal.add("acme/app", script)
    stream = client.stream("acme/app")
    assert await take(stream, 1) == [1]
    readers = [AsyncJob(take, stream, 1) for _ in range(2)]
    await async_sleep(0.1)
    # What is there already can be had without a turn: the state, and a new stream.
    assert stream.current_data == 1
    assert not stream.closed
    goes_on[0] = True
    assert sorted([await job.result() for job in readers]) == [[], [2]]


async def test_a_listener_may_not_ask_its_own_stream(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    fal.add("acme/app", [1, 2])
    stream = client.stream("acme/app")

    async def greedy(chunk: object) -> None:
        await stream.done()

    stream.on("data", greedy)
    assert await read(stream) == Outcome([1, 2], None)
    assert "A listener has read its own stream" in caplog.text
