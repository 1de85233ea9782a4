"""Aborting: at every moment, from everywhere, and what is left afterwards."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from typing import Any

import pytest

from fal_stream import AbortController, AsyncFalStream, AsyncStreamingClient, StreamInterrupted
from fal_stream.testing import Hang, LocalFal, Pause, Raw, Reply, Script
from tests.concurrency import AsyncJob, async_until
from tests.sockets import open_files

from .read_stream import Outcome, read

# Until a wait has begun that nothing can be seen of (seconds).
SETTLED = 0.05


class Abort(threading.Thread):
    """Aborts a stream from a thread of its own, and remembers when."""

    def __init__(self, stream: AsyncFalStream[Any]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.at = math.inf

    def run(self) -> None:
        """Abort it."""
        self.at = time.perf_counter()
        self._stream.abort("enough")


async def end_of(stream: AsyncFalStream[Any]) -> tuple[Outcome, float]:
    """Read a stream to its end, and say when it came."""
    outcome = await read(stream)
    return outcome, time.perf_counter()


async def test_before_the_start(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1])
    stream = client.stream("acme/app")
    stream.abort("no need")
    assert stream.signal.aborted
    assert stream.signal.reason == "no need"
    assert await read(stream) == Outcome([], None)
    assert await stream.done() is None
    assert await stream.start() is stream
    assert stream.closed
    async with stream:
        assert await read(stream) == Outcome([], None)
    assert fal.requests == []


async def test_a_signal_that_is_aborted_already(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1])
    controller = AbortController()
    controller.abort("too late")
    stream = client.stream("acme/app", signal=controller.signal)
    assert stream.signal.aborted
    assert stream.signal.reason == "too late"
    assert await stream.done() is None
    assert fal.requests == []


async def test_a_signal_that_was_given(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    controller = AbortController()
    streams = [client.stream("acme/app", signal=controller.signal) for _ in range(3)]
    other = client.stream("acme/app")
    jobs = [AsyncJob(read, stream) for stream in (*streams, other)]
    await async_until(lambda: all(stream.current_data == 1 for stream in (*streams, other)))
    controller.abort(reason := object())
    assert [await job.result() for job in jobs[:3]] == [Outcome([1], None)] * 3
    assert all(stream.signal.reason is reason for stream in streams)
    assert jobs[3].is_running
    other.abort()
    assert await jobs[3].result() == Outcome([1], None)
    assert other.signal.reason is None


async def test_aborting_one_stream_leaves_the_given_signal_alone(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Hang()])
    controller = AbortController()
    async with client.stream("acme/app", signal=controller.signal) as stream:
        async for _ in stream:
            stream.abort()
    assert not controller.signal.aborted


IN_THE_BODY = {
    "between chunks": [1, Hang()],
    "in a chunk": [1, Raw(b"data: {"), Hang()],
    "in a line": [1, Raw(b"da"), Hang()],
    "while pings come": [1, *[Raw(b": ping\n\n"), Pause(0.01)] * 10_000],
}


@pytest.mark.parametrize("where", IN_THE_BODY)
async def test_from_beside_the_consumer(
    fal: LocalFal, client: AsyncStreamingClient, where: str
) -> None:
    fal.add("acme/app", IN_THE_BODY[where])
    stream = client.stream("acme/app")
    job = AsyncJob(read, stream)
    await async_until(lambda: stream.current_data == 1)
    stream.abort()
    assert await job.result() == Outcome([1], None)
    await async_until(fal.requests[0].gone.is_set)


async def test_ends_every_consumer(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    readers = [AsyncJob(read, stream) for _ in range(3)]
    waiters = [AsyncJob(stream.done) for _ in range(3)]
    # One of them gets it, whoever reads it from the server.
    await async_until(lambda: stream.current_data == 1 and not stream.buffer)
    Abort(stream).start()
    outcomes = [await job.result() for job in readers]
    assert sorted(outcome.chunks for outcome in outcomes) == [[], [], [1]]
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert [await job.result() for job in waiters] == [1, 1, 1]


async def test_while_done_waits(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2, Hang()])
    stream = client.stream("acme/app")
    job = AsyncJob(stream.done)
    await async_until(lambda: stream.current_data == 2)
    stream.abort()
    assert await job.result() == 2
    assert await stream.done() == 2
    assert await read(stream) == Outcome([], None)


async def test_from_the_loop_body(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply([1, 2, 3, Hang()], coalesce=True))
    stream = client.stream("acme/app")
    got: list[Any] = []
    async for chunk in stream:
        got.append(chunk)
        if chunk == 2:
            stream.abort()
    assert got == [1, 2]
    assert stream.closed
    await async_until(fal.requests[0].gone.is_set)


async def test_nobody_has_to_come_back_after_it(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    async for _ in stream:
        stream.abort()
        break
    await async_until(fal.requests[0].gone.is_set)


async def test_a_stream_that_was_aborted_and_dropped_is_no_leak(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Hang()])
    async for _ in (stream := client.stream("acme/app")):
        stream.abort()
        break
    # A warning would be an error here.
    del stream
    await async_until(fal.requests[0].gone.is_set)


async def test_in_a_listener(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    heard: list[Any] = []

    def listen(chunk: Any) -> None:
        heard.append(chunk)
        stream.abort("heard enough")

    stream.on("data", listen).on("done", heard.append).on("error", heard.append)
    assert await read(stream) == Outcome([], None)
    assert heard == [1]
    assert await stream.done() == 1
    await async_until(fal.requests[0].gone.is_set)


async def test_no_listener_hears_of_it(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    heard: list[Any] = []
    stream.on("done", heard.append).on("error", heard.append)
    async for _ in stream:
        stream.abort()
    assert heard == []


async def test_twice(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    job = AsyncJob(read, stream)
    await async_until(lambda: stream.current_data == 1)
    stream.abort("first")
    stream.abort("second")
    assert await job.result() == Outcome([1], None)
    stream.abort("third")
    assert stream.signal.reason == "first"
    await stream.aclose()
    await stream.aclose()


async def test_after_the_end(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2, 3])
    stream = client.stream("acme/app")
    assert await stream.done() == 3
    stream.abort()
    assert not stream.signal.aborted
    assert await read(stream) == Outcome([1, 2, 3], None)
    assert await stream.done() == 3
    assert await client.stream("acme/app").done() == 3
    assert len({request.peer for request in fal.requests}) == 1


async def test_after_the_end_of_another_users_connection(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2])
    fal.add("acme/slow", [1, Pause(0.2), 2])
    old = client.stream("acme/app")
    await old.done()
    job = AsyncJob(read, client.stream("acme/slow"))
    await async_until(lambda: len(fal.requests) == 2)
    old.abort()
    await old.aclose()
    assert await job.result() == Outcome([1, 2], None)
    assert fal.requests[0].peer == fal.requests[1].peer


async def test_at_any_moment(either_fal: LocalFal) -> None:
    script: Script = [*range(20), Pause(0.002), *range(20)]
    either_fal.add("acme/app", script)
    chunks = [*range(20), *range(20)]
    async with AsyncStreamingClient(**either_fal.settings) as client:
        assert await client.stream("acme/app").done() == 19
        before = open_files()
        for number in range(60):
            stream = client.stream("acme/app")
            timer = threading.Timer(number * 0.0003, stream.abort)
            timer.start()
            got, error = await read(stream)
            assert error is None
            assert got == chunks[: len(got)]
            assert len(got) == len(chunks) or stream.signal.aborted
            timer.join()
            assert await client.stream("acme/app").done() == 19
        await async_until(lambda: open_files() <= before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    "script", [[1, Hang()], Reply(delay=math.inf)], ids=["in the body", "before the head"]
)
async def test_from_a_signal_handler(
    fal: LocalFal, client: AsyncStreamingClient, script: Script
) -> None:
    if sys.platform == "win32":
        return
    fal.add("acme/app", script)
    stream = client.stream("acme/app")
    main = threading.get_ident()

    def interrupt() -> None:
        fal.wait_for_requests(1)
        time.sleep(2 * SETTLED)
        signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: stream.abort("signal"))
    try:
        thread = threading.Thread(target=interrupt)
        thread.start()
        outcome = await read(stream)
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert outcome.error is None
    assert stream.signal.reason == "signal"
    await async_until(fal.requests[0].gone.is_set)


async def test_the_end_of_a_client_breaks_its_streams(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    client = AsyncStreamingClient(**fal.settings)
    heard: list[Any] = []
    stream = client.stream("acme/app", is_final=lambda chunk: False)
    stream.on("done", heard.append).on("error", heard.append)
    job = AsyncJob(stream.done)
    await async_until(lambda: stream.current_data == 1)
    await client.aclose()
    with pytest.raises(StreamInterrupted, match="client was closed") as caught:
        await job.result()
    assert caught.value.chunks_received == 1
    assert not stream.signal.aborted
    assert heard == [caught.value]


async def test_a_stream_that_outlives_its_client_is_no_success(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2, Hang()])
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        await stream.start()
    outcome = await read(stream)
    assert isinstance(outcome.error, StreamInterrupted)
    with pytest.raises(StreamInterrupted, match="inside the `with`"):
        await stream.done()
