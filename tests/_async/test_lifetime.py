"""What streams and clients leave behind: nothing, however they end."""

from __future__ import annotations

import gc
import math
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fal_stream import AbortController, AsyncFalStream, AsyncStreamingClient, StreamInterrupted
from fal_stream.testing import Hang, LocalFal, Pause, RecordedRequest, Reply, Script
from tests.concurrency import AsyncJob, async_until
from tests.flavour.pools import pools_of
from tests.sockets import open_files, own_threads

from .read_stream import Outcome, read

UNFINISHED: dict[str, Script] = {
    "silent": [1, Hang()],
    "endless": [1, *["x" * 10_000] * 10_000],
    "paused": [1, Pause(1000), 2],
}


async def begin(client: AsyncStreamingClient, count: int) -> list[AsyncFalStream[Any]]:
    """Make streams and take one chunk of each."""
    streams = [client.stream("acme/app") for _ in range(count)]
    for stream in streams:
        assert await first_of(stream) == 1
    return streams


async def first_of(stream: AsyncFalStream[Any]) -> Any:
    """Take one chunk."""
    async for chunk in stream:
        return chunk
    return None


@pytest.mark.parametrize("script", UNFINISHED.values(), ids=UNFINISHED)
async def test_with_closes_on_break(either_fal: LocalFal, script: Script) -> None:
    either_fal.add("acme/app", script)
    either_fal.add("acme/other", [1, 2])
    async with AsyncStreamingClient(**either_fal.settings) as client:
        assert await client.stream("acme/other").done() == 2
        before = open_files()
        for _ in range(3):
            stream = client.stream("acme/app")
            async with stream:
                async for chunk in stream:
                    assert chunk == 1
                    break
            assert stream.closed
            assert await stream.done() is stream.current_data
        for request in either_fal.requests[1:]:
            await async_until(request.gone.is_set)
        assert await client.stream("acme/other").done() == 2
        await async_until(lambda: open_files() <= before)


async def test_with_closes_on_an_error(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    with pytest.raises(ZeroDivisionError):
        async with stream:
            async for _ in stream:
                raise ZeroDivisionError
    assert stream.closed
    await async_until(fal.requests[0].gone.is_set)


async def test_closing_twice(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    assert await first_of(stream) == 1
    for _ in range(2):
        await stream.aclose()
    assert await read(stream) == Outcome([], None)
    assert await stream.done() == 1
    assert await stream.start() is stream
    async with stream:
        pass
    await async_until(fal.requests[0].gone.is_set)
    assert len(fal.requests) == 1


async def test_closing_from_several_at_once(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    reader = AsyncJob(read, stream)
    await async_until(lambda: stream.current_data == 1)
    for job in [AsyncJob(stream.aclose) for _ in range(4)]:
        await job.result()
    assert await reader.result() == Outcome([1], None)


async def test_closing_after_the_end_keeps_the_connection(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2])
    for _ in range(3):
        async with client.stream("acme/app") as stream:
            assert await stream.done() == 2
        assert await read(stream) == Outcome([1, 2], None)
    assert len({request.peer for request in fal.requests}) == 1


async def test_closing_a_client_ends_its_streams(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, Hang()])
    either_fal.add("acme/mute", Reply(delay=math.inf))
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)
    streams = [client.stream("acme/app") for _ in range(5)]
    jobs = [AsyncJob(read, stream) for stream in streams]
    mute = [AsyncJob(client.stream("acme/mute").done) for _ in range(2)]
    await async_until(
        lambda: (
            len(either_fal.requests) == 7 and all(stream.current_data == 1 for stream in streams)
        )
    )
    await client.aclose()
    for job in jobs:
        got, error = await job.result()
        assert got == [1]
        assert isinstance(error, StreamInterrupted)
    for end in mute:
        with pytest.raises(StreamInterrupted, match="client was closed"):
            await end.result()
    for request in either_fal.requests:
        await async_until(request.gone.is_set)
    await async_until(lambda: open_files() <= before)


async def test_a_dropped_stream_warns_and_frees_its_connection(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, Hang()])
    either_fal.add("acme/other", [1, 2])
    async with AsyncStreamingClient(**either_fal.settings) as client:
        assert await client.stream("acme/other").done() == 2
        before = open_files()
        for number in range(5):
            stream = client.stream("acme/app")
            assert await first_of(stream) == 1
            with pytest.warns(ResourceWarning, match=r"acme/app running, 1 chunk> was dropped"):
                del stream
            await async_until(either_fal.requests[-1].gone.is_set)
            assert await client.stream("acme/other").done() == 2
            assert len(either_fal.requests) == 3 + 2 * number
        await async_until(lambda: open_files() <= before)


async def test_streams_dropped_in_a_cycle(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    fal.add("acme/other", [1, 2])
    cycle: list[Any] = await begin(client, 5)
    cycle.append(cycle)
    del cycle
    with pytest.warns(ResourceWarning):
        gc.collect()
    for request in fal.requests:
        await async_until(request.gone.is_set)
    assert await client.stream("acme/other").done() == 2


async def test_streams_dropped_in_another_thread(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Hang()])
    fal.add("acme/other", [1, 2])
    streams = await begin(client, 5)
    with ThreadPoolExecutor() as others, pytest.warns(ResourceWarning):
        others.submit(streams.clear).result()
    for request in fal.requests:
        await async_until(request.gone.is_set)
    assert await client.stream("acme/other").done() == 2


async def test_many_start_after_many_were_dropped(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Hang()])
    fal.add("acme/other", [1, 2])
    before = open_files()
    for _ in range(5):
        streams = await begin(client, 8)
        with pytest.warns(ResourceWarning):
            streams.clear()
        jobs = [AsyncJob(client.stream("acme/other").done) for _ in range(8)]
        assert [await job.result() for job in jobs] == [2] * 8
    await client.aclose()
    await async_until(lambda: open_files() <= before)


async def test_a_stream_that_never_starts_leaves_nothing(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1])
    before, threads = open_files(), own_threads()
    controller = AbortController()
    streams = [client.stream("acme/app", signal=controller.signal) for _ in range(100)]
    maps = [client.stream_map("acme/app", [1], signal=controller.signal) for _ in range(100)]
    traces = [weakref.ref(thing) for thing in (*streams, *maps)]
    assert controller.signal._followers
    streams.clear()
    maps.clear()
    assert all(trace() is None for trace in traces)
    assert not controller.signal._followers
    assert open_files() <= before
    assert own_threads() <= threads
    assert fal.requests == []
    controller.abort()


async def test_a_signal_keeps_no_stream_that_has_ended(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2])
    controller = AbortController()
    stream = client.stream("acme/app", signal=controller.signal)
    assert await stream.done() == 2
    assert not controller.signal._followers
    trace = weakref.ref(stream)
    del stream
    assert trace() is None
    controller.abort()


async def test_nothing_waits_for_the_collector(fal: LocalFal) -> None:
    """A client or stream that is dropped is gone at once, unless an error holds its frames."""
    fal.add("acme/app", [{"output": "a"}, {"output": "ab"}])
    fal.add("acme/slow", [1, Hang()])
    gc.collect()
    # Of tests before, something may still end meanwhile in another thread.
    old = {id(thing) for thing in gc.get_objects()}
    gc.disable()
    try:
        async with AsyncStreamingClient(**fal.settings) as client:
            assert await client.stream("acme/app").done() == {"output": "ab"}
            assert await client.stream("acme/app").final_text() == "ab"
            assert [event.data async for event in client.stream("acme/app").events()][2:] == []
            async with client.stream("acme/slow") as stream:
                assert await first_of(stream) == 1
            del stream
        dropped = AsyncStreamingClient(**fal.settings)
        assert len((await read(dropped.stream("acme/app"))).chunks) == 2
        del dropped, client
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = {type(thing) for thing in gc.garbage if id(thing) not in old}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert {kind for kind in left if kind.__module__.startswith("fal_stream.")} == set()


async def test_streams_one_after_the_other_share_a_connection(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, 2])
    async with AsyncStreamingClient(**either_fal.settings) as client:
        assert await client.stream("acme/app").done() == 2
        before, threads = open_files(), own_threads()
        for _ in range(199):
            assert await read(client.stream("acme/app")) == Outcome([1, 2], None)
        assert open_files() <= before
        assert own_threads() <= threads
    assert len(either_fal.requests) == 200
    assert len({request.peer for request in either_fal.requests}) == 1


async def test_streams_that_are_broken_off_leave_no_files(
    either_fal: LocalFal,
) -> None:
    either_fal.add("acme/app", [1, Hang()])
    either_fal.add("acme/none", Reply([1], status=404))
    async with AsyncStreamingClient(**either_fal.settings) as client:
        await read(client.stream("acme/none"))
        before = open_files()
        for _ in range(50):
            async with client.stream("acme/app") as stream:
                assert await first_of(stream) == 1
            await read(client.stream("acme/none"))
        await async_until(lambda: open_files() <= before)


async def test_fifty_at_once(either_fal: LocalFal) -> None:
    either_fal.add(
        "acme/app",
        lambda request: [request.json(), *[Pause(0.01), "x" * 1000] * 20, request.json()],
    )
    before, threads = open_files(), own_threads()
    async with AsyncStreamingClient(**either_fal.settings) as client:
        jobs = [AsyncJob(read, client.stream("acme/app", input=number)) for number in range(50)]
        for number, job in enumerate(jobs):
            got, error = await job.result()
            assert error is None
            assert got == [number, *["x" * 1000] * 20, number]
    await async_until(lambda: open_files() <= before)
    await async_until(lambda: own_threads() <= threads)


async def test_few_idle_connections_are_kept(fal: LocalFal) -> None:
    all_are_there = threading.Event()

    def script(request: RecordedRequest) -> Iterator[object]:
        while not all_are_there.is_set():
            yield Pause(0.01)
        yield 1

    fal.add("acme/app", script)
    async with AsyncStreamingClient(**fal.settings) as client:
        jobs = [AsyncJob(client.stream("acme/app").done) for _ in range(150)]
        await async_until(lambda: len(fal.requests) == 150)
        all_are_there.set()
        assert [await job.result() for job in jobs] == [1] * 150
        assert await client.stream("acme/app").done() == 1
        assert fal.requests[-1].peer in {request.peer for request in fal.requests[:150]}
        (pool,) = [pool for pool in pools_of(client) if pool.idle]
        assert 90 <= len(pool.idle) <= 100
