"""Cancelling tasks: at every moment, once or many times, without leaving anything behind."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from fal_stream import AsyncFalStream, AsyncStreamingClient, StreamInterrupted, StreamTimeout
from fal_stream._shared.redact import secrets_of
from fal_stream.testing import Hang, LocalFal, Pause, Ping, Raw, Reply, Script
from tests.concurrency import HANG, async_until
from tests.flavour.pools import at_work
from tests.frames import shown_in_frames
from tests.sockets import MuteServer, open_files


@pytest.fixture
async def client(either_fal: LocalFal) -> AsyncIterator[AsyncStreamingClient]:
    """A client for the test's own server, plain and over TLS."""
    async with AsyncStreamingClient(**either_fal.settings) as client:
        yield client


async def chunks_of(stream: AsyncFalStream[Any]) -> list[Any]:
    """Iterate a stream to its end."""
    return [chunk async for chunk in stream]


async def turns_of_the_loop(count: int) -> None:
    """Let the loop go round so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def cancel(task: asyncio.Task[Any], times: int) -> bool:
    """Cancel a task in quick succession, and tell whether that ended it."""
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([task], timeout=20)
    assert task.done()
    return task.cancelled()


async def check_unharmed(fal: LocalFal, client: AsyncStreamingClient) -> None:
    """See that the client has nothing under way and still works."""
    await async_until(lambda: not at_work(client))
    fal.add("acme/fine", [1, 2])
    assert await client.stream("acme/fine").done() == 2
    await async_until(lambda: not at_work(client))


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_before_the_head(
    either_fal: LocalFal, client: AsyncStreamingClient, times: int
) -> None:
    either_fal.add("acme/app", Reply(delay=math.inf))
    stream = client.stream("acme/app")
    task = asyncio.create_task(chunks_of(stream))
    await async_until(lambda: len(either_fal.requests) == 1)
    assert await cancel(task, times)
    assert stream.closed
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_while_connecting(unreachable: str, times: int) -> None:
    before = open_files()
    async with AsyncStreamingClient(run_url=f"http://{unreachable}", credentials="a:b") as client:
        task = asyncio.create_task(client.stream("acme/app").done())
        await asyncio.sleep(0.05)
        assert await cancel(task, times)
        await async_until(lambda: not at_work(client) and open_files() <= before)


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_in_the_tls_handshake(mute: MuteServer, times: int) -> None:
    async with AsyncStreamingClient(run_url=f"https://{mute.address}", credentials="a:b") as client:
        task = asyncio.create_task(client.stream("acme/app").done())
        await async_until(lambda: mute.spoke)
        assert await cancel(task, times)
        await async_until(lambda: mute.abandoned and not at_work(client))


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_while_sending(mute: MuteServer, times: int) -> None:
    async with AsyncStreamingClient(run_url=f"http://{mute.address}", credentials="a:b") as client:
        task = asyncio.create_task(client.stream("acme/app", input="x" * 20_000_000).done())
        await async_until(lambda: mute.spoke)
        assert await cancel(task, times)
        await async_until(lambda: mute.abandoned and not at_work(client))


@pytest.mark.parametrize("times", [1, 2, 8])
@pytest.mark.parametrize(
    "rest", [[Hang()], [Raw(b"data: {"), Hang()], [Ping(), Pause(0.001)] * 10_000]
)
async def test_in_the_body(
    either_fal: LocalFal, client: AsyncStreamingClient, rest: list[object], times: int
) -> None:
    either_fal.add("acme/app", [1, 2, *rest])
    stream = client.stream("acme/app")
    task = asyncio.create_task(stream.done())
    await async_until(lambda: stream.current_data == 2)
    assert await cancel(task, times)
    assert stream.closed
    await async_until(either_fal.requests[0].gone.is_set)
    with pytest.raises(StreamInterrupted, match="after 2 chunks because the task"):
        await stream.done()
    assert [await anext(stream), await anext(stream)] == [1, 2]
    with pytest.raises(StreamInterrupted):
        await anext(stream)
    await check_unharmed(either_fal, client)


SHORT: Script = [1, Pause(0.001), 2]


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_at_each_turn_of_the_loop(
    either_fal: LocalFal, client: AsyncStreamingClient, times: int
) -> None:
    either_fal.add("acme/app", SHORT)
    assert await client.stream("acme/app").done() == 2
    before = open_files()
    turns = cancelled = finished = 0
    while finished < 5:
        stream = client.stream("acme/app")
        task = asyncio.create_task(chunks_of(stream))
        await turns_of_the_loop(turns)
        turns += 1
        if await cancel(task, times):
            cancelled += 1
            assert not stream.signal.aborted
        else:
            finished += 1
            assert task.result() == [1, 2]
        assert turns < 5000
    assert cancelled
    await check_unharmed(either_fal, client)
    await async_until(lambda: open_files() <= before)


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_at_each_turn_of_a_new_connection(either_fal: LocalFal, times: int) -> None:
    either_fal.add("acme/app", [1, 2])
    before = open_files()
    turns = finished = 0
    while finished < 3:
        async with AsyncStreamingClient(**either_fal.settings) as client:
            task = asyncio.create_task(chunks_of(client.stream("acme/app")))
            await turns_of_the_loop(turns)
            # The first turns are all in the opening; the later ones are many and alike.
            turns += 1 + turns // 10
            if not await cancel(task, times):
                finished += 1
                assert task.result() == [1, 2]
            await check_unharmed(either_fal, client)
        assert turns < 20_000
    await async_until(lambda: open_files() <= before)


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_at_the_natural_end(
    either_fal: LocalFal, client: AsyncStreamingClient, times: int
) -> None:
    either_fal.add("acme/app", [1, 2])
    assert await client.stream("acme/app").done() == 2
    before = open_files()
    for turns in range(40):
        stream = client.stream("acme/app")
        assert await anext(stream) == 1
        task = asyncio.create_task(stream.done())
        await turns_of_the_loop(turns // 4)
        if not await cancel(task, times):
            assert task.result() == 2
        # A task that was cancelled before its first step has not touched the stream.
        assert stream.closed or turns < 4
        await stream.aclose()
    await check_unharmed(either_fal, client)
    await async_until(lambda: open_files() <= before)


async def test_while_closing(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Hang()])
    assert not at_work(client)
    before = open_files()
    for turns in range(10):
        stream = client.stream("acme/app")
        assert await anext(stream) == 1
        task = asyncio.create_task(stream.aclose())
        await turns_of_the_loop(turns)
        await cancel(task, 2)
        await stream.aclose()
        await async_until(either_fal.requests[-1].gone.is_set)
    await async_until(lambda: not at_work(client) and open_files() <= before)
    await check_unharmed(either_fal, client)


async def test_in_a_with_block(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Hang()])

    async def consume() -> None:
        async with client.stream("acme/app") as stream:
            async for _ in stream:
                reached.set()

    reached = asyncio.Event()
    task = asyncio.create_task(consume())
    await reached.wait()
    assert await cancel(task, 2)
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


async def test_wait_for_around_a_chunk(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    assert await asyncio.wait_for(anext(stream), 10) == 1
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(anext(stream), 0.1)
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


if sys.version_info >= (3, 11):

    async def test_a_timeout_of_asyncio(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
        either_fal.add("acme/app", [1, Hang()])
        got: list[Any] = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), client.stream("acme/app") as stream:
                got.append(await anext(stream))
                got.append(await anext(stream))
        assert got == [1]
        await async_until(either_fal.requests[0].gone.is_set)
        await check_unharmed(either_fal, client)


@pytest.mark.parametrize("script", [[1, Hang()], Reply(delay=math.inf)], ids=["body", "head"])
async def test_a_cancel_scope_of_anyio(
    either_fal: LocalFal, client: AsyncStreamingClient, script: Script
) -> None:
    either_fal.add("acme/app", script)
    with anyio.move_on_after(0.2) as scope:
        async with client.stream("acme/app") as stream:
            await chunks_of(stream)
    assert scope.cancelled_caught
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


async def test_fifty_at_once(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Pause(0.005), 2, Hang()])
    before = open_files()
    tasks = [asyncio.create_task(client.stream("acme/app").done()) for _ in range(50)]
    await asyncio.sleep(0.1)
    for _ in range(3):
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    await check_unharmed(either_fal, client)
    await client.aclose()
    await async_until(lambda: open_files() <= before)


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_a_cancelled_reader_hands_over(
    either_fal: LocalFal, client: AsyncStreamingClient, times: int
) -> None:
    either_fal.add("acme/app", [1, Pause(0.5), 2, 3])
    stream = client.stream("acme/app")
    assert await anext(stream) == 1
    reader = asyncio.create_task(chunks_of(stream))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(stream.done()), asyncio.create_task(chunks_of(stream))]
    await asyncio.sleep(0.05)
    assert await cancel(reader, times)
    assert await asyncio.gather(*others) == [3, [2, 3]]
    await check_unharmed(either_fal, client)


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_cancelling_one_who_waits_for_the_reader(
    either_fal: LocalFal, client: AsyncStreamingClient, times: int
) -> None:
    either_fal.add("acme/app", [1, Pause(0.3), 2, 3])
    stream = client.stream("acme/app")
    assert await anext(stream) == 1
    reader = asyncio.create_task(chunks_of(stream))
    await asyncio.sleep(0.05)
    waiter = asyncio.create_task(stream.done())
    await asyncio.sleep(0.05)
    assert await cancel(waiter, times)
    assert await reader == [2, 3]


async def test_cancelling_all_who_wait(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    assert await anext(stream) == 1
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(chunks_of(stream)),
        asyncio.create_task(stream.done()),
        asyncio.create_task(stream.done()),
    ]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    await async_until(either_fal.requests[0].gone.is_set)
    assert stream.closed
    await check_unharmed(either_fal, client)


async def test_in_a_listener(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, 2])
    stream = client.stream("acme/app")
    heard: list[Any] = []

    async def listen(chunk: Any) -> None:
        heard.append(chunk)
        await asyncio.sleep(60)

    stream.on("data", listen)
    task = asyncio.create_task(chunks_of(stream))
    await async_until(lambda: heard == [1])
    assert await cancel(task, 2)
    assert stream.closed
    await check_unharmed(either_fal, client)


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_cancelled_and_aborted(
    either_fal: LocalFal, client: AsyncStreamingClient, times: int
) -> None:
    either_fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    task = asyncio.create_task(stream.done())
    await async_until(lambda: stream.current_data == 1)
    task.cancel()
    stream.abort()
    await cancel(task, times)
    assert await stream.done() == 1
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


async def test_a_provider_that_does_not_want_to_end(client: AsyncStreamingClient) -> None:
    ended = asyncio.Event()

    async def provide(path: str) -> str:
        while not ended.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await ended.wait()
        return "abc"

    stream = client.stream(
        "acme/app", connection_mode="client", token_provider=provide, start_timeout=0.2
    )
    try:
        with pytest.raises(StreamTimeout, match="start_timeout"):
            await asyncio.wait_for(stream.done(), HANG)
    finally:
        ended.set()
        await asyncio.sleep(0.05)


SECRET_OPTIONS: list[dict[str, Any]] = [
    {},
    {"method": "GET", "query_params": {"api_key": "hunter2-secret"}},
    {"connection_mode": "client"},
]


@pytest.mark.parametrize("options", SECRET_OPTIONS, ids=["key", "parameter", "token"])
@pytest.mark.parametrize("times", [1, 2, 3])
async def test_no_frame_shows_a_secret(
    either_fal: LocalFal, client: AsyncStreamingClient, options: dict[str, Any], times: int
) -> None:
    either_fal.add("acme/app", Reply(delay=math.inf))
    task = asyncio.ensure_future(client.stream("acme/app", **options).done())
    await async_until(lambda: "/acme/app/stream" in [one.path for one in either_fal.requests])
    assert await cancel(task, times)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    request = either_fal.requests[-1]
    secrets = secrets_of(request.target, request.headers)
    assert secrets
    assert shown_in_frames(caught.value, *secrets) == []


@pytest.mark.parametrize("options", SECRET_OPTIONS, ids=["key", "parameter", "token"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_frame_shows_a_secret_after_a_time_limit(
    fal: LocalFal, options: dict[str, Any], backend: str
) -> None:
    fal.add("acme/app", Reply(delay=math.inf))

    async def stream() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            with anyio.fail_after(0.3):
                await client.stream("acme/app", **options).done()

    with pytest.raises(TimeoutError) as caught:
        anyio.run(stream, backend=backend)
    secrets = {str(fal.key), "hunter2-secret"}
    for request in fal.requests:
        secrets |= secrets_of(request.target, request.headers)
    assert shown_in_frames(caught.value, *secrets) == []


async def test_no_frame_shows_the_key_while_a_request_is_sent(mute: MuteServer) -> None:
    settings: dict[str, Any] = {"run_url": f"http://{mute.address}", "credentials": "a:hunter2key"}
    async with AsyncStreamingClient(**settings) as client:
        stream = client.stream("acme/app", input={"text": "x" * 30_000_000})
        task = asyncio.ensure_future(stream.done())
        await async_until(lambda: mute.spoke)
        assert await cancel(task, 2)
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert shown_in_frames(caught.value, "hunter2key") == []
