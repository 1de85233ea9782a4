"""trio: scopes that are cancelled at every moment, and one client in several runs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    FalStreamError,
    StreamInterrupted,
    StreamTimeout,
)
from fal_stream._async.run_limited import async_run_limited
from fal_stream.testing import Hang, LocalFal, Pause, Ping, Raw, Reply, Script
from tests.concurrency import async_until, until
from tests.flavour.pools import at_work
from tests.sockets import MuteServer, open_files

pytestmark = pytest.mark.parametrize("anyio_backend", ["trio"])


@pytest.fixture
async def client(either_fal: LocalFal) -> Any:
    """A client for the test's own server, plain and over TLS."""
    async with AsyncStreamingClient(**either_fal.settings) as client:
        yield client


async def chunks_of(stream: AsyncFalStream[Any]) -> list[Any]:
    """Iterate a stream to its end."""
    return [chunk async for chunk in stream]


class Work:
    """Something that runs in a scope of its own."""

    def __init__(
        self, nursery: trio.Nursery, function: Callable[..., Awaitable[Any]], *args: Any
    ) -> None:
        self.scope = trio.CancelScope()
        self.over = trio.Event()
        self.result: Any = None
        nursery.start_soon(self._run, function, args)

    async def _run(self, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        with self.scope:
            self.result = await function(*args)
        self.over.set()

    async def cancel(self) -> bool:
        """Cancel it, and tell whether that ended it."""
        self.scope.cancel()
        with trio.fail_after(20):
            await self.over.wait()
        return self.scope.cancelled_caught


async def check_unharmed(fal: LocalFal, client: AsyncStreamingClient) -> None:
    """See that the client has nothing under way and still works."""
    await async_until(lambda: not at_work(client))
    fal.add("acme/fine", [1, 2])
    assert await client.stream("acme/fine").done() == 2
    await async_until(lambda: not at_work(client))


async def test_before_the_head(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", Reply(delay=math.inf))
    stream = client.stream("acme/app")
    async with trio.open_nursery() as nursery:
        work = Work(nursery, chunks_of, stream)
        await async_until(lambda: len(either_fal.requests) == 1)
        assert await work.cancel()
    assert stream.closed
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


async def test_while_connecting(unreachable: str) -> None:
    before = open_files()
    async with AsyncStreamingClient(run_url=f"http://{unreachable}", credentials="a:b") as client:
        with trio.move_on_after(0.1) as scope:
            await client.stream("acme/app").done()
        assert scope.cancelled_caught
        await async_until(lambda: not at_work(client) and open_files() <= before)


@pytest.mark.parametrize(
    ("scheme", "input"), [("https", {}), ("http", "x" * 20_000_000)], ids=["TLS", "sending"]
)
async def test_a_server_that_reads_nothing(mute: MuteServer, scheme: str, input: Any) -> None:
    url = f"{scheme}://{mute.address}"
    async with (
        AsyncStreamingClient(run_url=url, credentials="a:b") as client,
        trio.open_nursery() as nursery,
    ):
        stream = client.stream("acme/app", input=input)
        work = Work(nursery, stream.done)
        await async_until(lambda: mute.spoke)
        assert await work.cancel()
        await async_until(lambda: mute.abandoned and not at_work(client))


@pytest.mark.parametrize(
    "rest", [[Hang()], [Raw(b"data: {"), Hang()], [Ping(), Pause(0.001)] * 10_000]
)
async def test_in_the_body(
    either_fal: LocalFal, client: AsyncStreamingClient, rest: list[object]
) -> None:
    either_fal.add("acme/app", [1, 2, *rest])
    stream = client.stream("acme/app")
    async with trio.open_nursery() as nursery:
        work = Work(nursery, stream.done)
        await async_until(lambda: stream.current_data == 2)
        assert await work.cancel()
    assert stream.closed
    await async_until(either_fal.requests[0].gone.is_set)
    with pytest.raises(StreamInterrupted, match="after 2 chunks because the task"):
        await stream.done()
    assert [await anext(stream), await anext(stream)] == [1, 2]
    with pytest.raises(StreamInterrupted):
        await anext(stream)
    await check_unharmed(either_fal, client)


async def test_a_flood_can_be_cancelled(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", Reply([Raw(b": " + b"x" * 100_000 + b"\n")] * 100_000))
    with trio.move_on_after(0.2) as scope:
        await client.stream("acme/app").done()
    assert scope.cancelled_caught
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


@pytest.mark.parametrize("is_new", [False, True], ids=["reused", "new connection"])
async def test_at_each_step(either_fal: LocalFal, is_new: bool) -> None:
    either_fal.add("acme/app", [1, Pause(0.001), 2])
    before = open_files()
    steps = finished = cancelled = 0
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(AsyncStreamingClient(**either_fal.settings))
        while finished < 3:
            if is_new:
                await stack.aclose()
                client = await stack.enter_async_context(
                    AsyncStreamingClient(**either_fal.settings)
                )
            async with trio.open_nursery() as nursery:
                stream = client.stream("acme/app")
                work = Work(nursery, chunks_of, stream)
                for _ in range(steps):
                    await trio.lowlevel.checkpoint()
                # The first steps are all in the opening; the later ones are many and alike.
                steps += 1 + steps // 10
                if await work.cancel():
                    cancelled += 1
                    assert not stream.signal.aborted
                else:
                    finished += 1
                    assert work.result == [1, 2]
            await check_unharmed(either_fal, client)
            assert steps < 100_000
    assert cancelled
    await async_until(lambda: open_files() <= before)


async def test_a_cancelled_reader_hands_over(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    either_fal.add("acme/app", [1, Pause(0.5), 2, 3])
    stream = client.stream("acme/app")
    assert await anext(stream) == 1
    async with trio.open_nursery() as nursery:
        reader = Work(nursery, chunks_of, stream)
        await trio.sleep(0.05)
        others = [Work(nursery, stream.done), Work(nursery, chunks_of, stream)]
        await trio.sleep(0.05)
        assert await reader.cancel()
    assert [other.result for other in others] == [3, [2, 3]]
    await check_unharmed(either_fal, client)


async def test_cancelling_one_who_waits_for_the_reader(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    either_fal.add("acme/app", [1, Pause(0.3), 2, 3])
    stream = client.stream("acme/app")
    assert await anext(stream) == 1
    async with trio.open_nursery() as nursery:
        reader = Work(nursery, chunks_of, stream)
        await trio.sleep(0.05)
        waiter = Work(nursery, stream.done)
        await trio.sleep(0.05)
        assert await waiter.cancel()
    assert reader.result == [2, 3]


async def test_fifty_at_once(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Pause(0.005), 2, Hang()])
    before = open_files()
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(client.stream("acme/app").done)
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    await check_unharmed(either_fal, client)
    await client.aclose()
    await async_until(lambda: open_files() <= before)


async def test_in_a_listener(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, 2])
    stream = client.stream("acme/app")
    heard: list[Any] = []

    async def listen(chunk: Any) -> None:
        heard.append(chunk)
        await trio.sleep_forever()

    stream.on("data", listen)
    async with trio.open_nursery() as nursery:
        work = Work(nursery, chunks_of, stream)
        await async_until(lambda: heard == [1])
        assert await work.cancel()
    assert stream.closed
    await check_unharmed(either_fal, client)


async def test_a_provider_that_hangs(client: AsyncStreamingClient) -> None:
    async def provide(path: str) -> str:
        await trio.sleep_forever()
        raise AssertionError

    stream = client.stream(
        "acme/app", connection_mode="client", token_provider=provide, start_timeout=0.2
    )
    with pytest.raises(StreamTimeout, match="start_timeout"):
        await stream.done()


async def test_jobs_side_by_side() -> None:
    running: list[int] = []
    interrupted = trio.Event()

    async def job(number: int) -> int:
        running.append(number)
        assert len(running) <= 3
        await trio.sleep(0.01)
        running.remove(number)
        return number

    async def fail(number: int) -> int:
        if number == 1:
            raise KeyError(number)
        await interrupted.wait()
        raise TimeoutError

    def of(function: Callable[[int], Any]) -> list[Callable[[], Any]]:
        return [partial(function, number) for number in range(9)]

    assert await async_run_limited(of(job), 3, interrupted.set) == list(range(9))
    assert not interrupted.is_set()
    with pytest.raises(KeyError):
        await async_run_limited(of(fail), 3, interrupted.set)
    interrupted = trio.Event()
    with trio.move_on_after(0.05) as scope:
        await async_run_limited([trio.sleep_forever] * 9, 3, interrupted.set)
    assert scope.cancelled_caught
    assert interrupted.is_set()


def run_in_turn(functions: list[Callable[[], Any]]) -> None:
    for function in functions:
        trio.run(function)


def test_a_client_goes_from_run_to_run(either_fal: LocalFal, anyio_backend: str) -> None:
    either_fal.add("acme/app", [1, 2])
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)

    async def consume() -> None:
        for _ in range(3):
            assert await chunks_of(client.stream("acme/app")) == [1, 2]

    for run in (trio.run, lambda function: asyncio.run(function()), trio.run):
        run(consume)
        until(lambda: open_files() <= before)
    assert len({request.peer for request in either_fal.requests}) == 3
    trio.run(client.aclose)


def test_a_stream_that_was_running_when_its_run_ended(
    either_fal: LocalFal, anyio_backend: str
) -> None:
    either_fal.add("acme/app", [1, Hang()])
    either_fal.add("acme/other", [1, 2])
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)
    streams: list[Any] = []

    async def begin() -> None:
        streams.append(client.stream("acme/app"))
        assert await anext(streams[-1]) == 1

    async def go_on() -> None:
        assert await client.stream("acme/other").done() == 2

    async def end() -> None:
        await streams[-1].aclose()
        assert streams[-1].closed

    trio.run(begin)
    until(either_fal.requests[0].gone.is_set)
    run_in_turn([go_on, end, begin])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        streams.clear()
        gc.collect()
    trio.run(go_on)
    trio.run(begin)
    streams[-1].abort("late")
    assert streams[-1].signal.reason == "late"
    trio.run(end)
    until(lambda: open_files() <= before)


def test_runs_and_loops_in_several_threads_share_a_client(
    either_fal: LocalFal, anyio_backend: str
) -> None:
    either_fal.add("acme/app", [1, Pause(0.01), 2])
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)
    failures: list[BaseException] = []

    async def consume() -> None:
        for _ in range(10):
            assert await chunks_of(client.stream("acme/app")) == [1, 2]

    def run(is_trio: bool) -> None:
        try:
            trio.run(consume) if is_trio else asyncio.run(consume())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=[number % 2 == 0]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    until(lambda: open_files() <= before)


def test_a_stream_of_another_loop(fal: LocalFal, anyio_backend: str) -> None:
    fal.add("acme/app", [1, Hang()])
    client = AsyncStreamingClient(**fal.settings)
    stream = client.stream("acme/app")

    async def ask() -> None:
        with pytest.raises(FalStreamError, match="another event loop"):
            await anext(stream)

    async def begin() -> None:
        assert await anext(stream) == 1
        await trio.to_thread.run_sync(asyncio.run, ask())
        await stream.aclose()

    trio.run(begin)


async def test_a_stream_that_is_dropped(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    assert await anext(stream) == 1
    with pytest.warns(ResourceWarning, match="was dropped while it ran"):
        del stream
    await async_until(either_fal.requests[0].gone.is_set)
    # The next request clears away what is left of it.
    either_fal.add("acme/fine", [1])
    assert await client.stream("acme/fine").done() == 1
    await async_until(lambda: not at_work(client))


@pytest.mark.parametrize("script", [[1, Hang()], Reply(delay=math.inf)], ids=["body", "head"])
async def test_an_abort_of_a_thread(
    either_fal: LocalFal, client: AsyncStreamingClient, script: Script
) -> None:
    either_fal.add("acme/app", script)
    for number in range(5):
        stream = client.stream("acme/app")

        def abort(stream: AsyncFalStream[Any] = stream, count: int = number + 1) -> None:
            either_fal.wait_for_requests(count)
            time.sleep(0.05)
            stream.abort()

        thread = threading.Thread(target=abort)
        thread.start()
        assert await stream.done() in (1, None)
        thread.join()
        await async_until(either_fal.requests[number].gone.is_set)
    await check_unharmed(either_fal, client)
