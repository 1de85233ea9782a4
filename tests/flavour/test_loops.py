"""One asyncio client and several event loops, one after the other or side by side."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import trio

from fal_stream import ApiError, AsyncFalStream, AsyncStreamingClient, FalStreamError
from fal_stream.testing import Hang, LocalFal, Pause, Reply
from tests.concurrency import HANG, async_until, until
from tests.sockets import open_files


def test_a_client_goes_from_loop_to_loop(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, 2])
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)

    async def consume() -> None:
        for _ in range(3):
            assert [chunk async for chunk in client.stream("acme/app")] == [1, 2]

    for _ in range(3):
        asyncio.run(consume())
        until(lambda: open_files() <= before)
    assert len({request.peer for request in either_fal.requests}) == 3
    asyncio.run(client.aclose())


def test_a_stream_that_was_running_when_its_loop_ended(either_fal: LocalFal) -> None:
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

    asyncio.run(begin())
    until(either_fal.requests[0].gone.is_set)
    asyncio.run(go_on())
    asyncio.run(end())
    asyncio.run(begin())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        streams.clear()
        gc.collect()
    asyncio.run(go_on())
    until(lambda: open_files() <= before)


# asyncio says that the loop was closed with its connections open, and so it was.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("keep", [False, True], ids=["stream dropped", "stream kept"])
def test_a_loop_that_was_left_without_an_end(either_fal: LocalFal, keep: bool) -> None:
    either_fal.add("acme/app", [1, Hang()])
    either_fal.add("acme/other", [1, 2])
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)
    streams: list[Any] = []

    async def begin() -> None:
        assert await client.stream("acme/other").done() == 2
        streams.append(client.stream("acme/app"))
        assert await anext(streams[-1]) == 1

    async def go_on() -> None:
        assert await client.stream("acme/other").done() == 2

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    if not keep:
        streams.clear()
        gc.collect()
    asyncio.run(go_on())
    while streams:
        streams[-1].abort()
        asyncio.run(streams[-1].aclose())
        assert streams.pop().closed
    asyncio.run(go_on())
    asyncio.run(client.aclose())
    del loop
    gc.collect()
    until(lambda: open_files() <= before)


def test_loops_in_several_threads_share_a_client(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, Pause(0.01), 2])
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)
    failures: list[BaseException] = []

    async def consume() -> None:
        for _ in range(10):
            assert [chunk async for chunk in client.stream("acme/app")] == [1, 2]

    def run() -> None:
        try:
            asyncio.run(consume())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(either_fal.requests) == 40
    until(lambda: open_files() <= before)


def test_an_abort_after_the_end_of_the_loop(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    client = AsyncStreamingClient(**fal.settings)
    stream = client.stream("acme/app")

    async def begin() -> None:
        assert await anext(stream) == 1

    asyncio.run(begin())
    stream.abort("late")
    assert stream.signal.reason == "late"
    asyncio.run(stream.aclose())
    assert stream.closed
    asyncio.run(client.aclose())


async def test_a_loop_that_was_blocked_finds_what_came_meanwhile(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1, Pause(0.1), 2, Pause(0.1), 3]))
    async with AsyncStreamingClient(
        **fal.settings, timeout=0.5, event_timeout=0.5, total_timeout=0.5
    ) as client:
        stream = client.stream("acme/app")
        assert await anext(stream) == 1
        task = asyncio.create_task(stream.done())
        await asyncio.sleep(0.02)
        time.sleep(1)  # noqa: ASYNC251
        assert await task == 3


async def test_ends_of_clients_do_not_need_each_other(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    first, second = (AsyncStreamingClient(**fal.settings) for _ in range(2))
    assert await first.stream("acme/app").done() == 2
    assert await second.stream("acme/app").done() == 2
    await first.aclose()
    assert await second.stream("acme/app").done() == 2
    with pytest.raises(FalStreamError, match="closed"):
        await first.stream("acme/app").done()
    await second.aclose()


# What a closed loop leaves behind can't end well.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_token_that_was_asked_for_in_a_loop_that_is_gone(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    client = AsyncStreamingClient(**fal.settings, start_timeout=60)
    asked = threading.Event()

    async def provide(path: str) -> str:
        asked.set()
        await asyncio.get_running_loop().create_future()  # for ever
        return ""

    answers = iter([provide])

    async def once(path: str) -> str:
        first = next(answers, None)
        return await first(path) if first else "abc"

    def stream() -> AsyncFalStream[Any]:
        return client.stream("acme/app", connection_mode="client", token_provider=once)

    async def begin() -> asyncio.Task[Any]:
        task = asyncio.ensure_future(stream().done())
        while not asked.is_set():
            await asyncio.sleep(0.01)
        return task

    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(begin())
    loop.close()
    with pytest.raises(ApiError, match="401"):  # nobody issued it
        asyncio.run(asyncio.wait_for(_done(stream), HANG))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        del task
        gc.collect()


async def _done(stream: Callable[[], AsyncFalStream[Any]]) -> Any:
    return await stream().done()


def run_asyncio(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(function())


@pytest.mark.parametrize("others", [run_asyncio, trio.run], ids=["asyncio", "trio"])
@pytest.mark.parametrize("first", [run_asyncio, trio.run], ids=["asyncio", "trio"])
@pytest.mark.parametrize("is_over", [True, False], ids=["in turn", "side by side"])
def test_a_stream_that_was_dropped_in_another_loop(
    either_fal: LocalFal, first: Callable[..., None], others: Callable[..., None], is_over: bool
) -> None:
    either_fal.add("acme/app", [1, Hang()])
    either_fal.add("acme/other", [1, 2])
    before = open_files()
    client = AsyncStreamingClient(**either_fal.settings)
    dropped, done = threading.Event(), threading.Event()

    async def drop() -> None:
        stream = client.stream("acme/app")
        assert await anext(stream) == 1
        with pytest.warns(ResourceWarning, match="was dropped"):
            del stream
        dropped.set()
        await async_until(lambda: is_over or done.is_set())

    async def go_on() -> None:
        assert await client.stream("acme/other").done() == 2

    thread = threading.Thread(target=first, args=[drop])
    thread.start()
    assert dropped.wait(20)
    if is_over:
        thread.join()
    try:
        others(go_on)
    finally:
        done.set()
        thread.join()
    until(lambda: open_files() <= before)
