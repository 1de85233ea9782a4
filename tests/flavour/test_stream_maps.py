"""Maps of streams that are cancelled, interrupted, or short of threads."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from types import FrameType
from typing import Any

import pytest
import trio

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    ConfigError,
    FalStream,
    FalStreamError,
    StreamConnectionError,
    StreamingClient,
    StreamInterrupted,
    StreamMap,
)
from fal_stream._net.work_queue import WorkQueue
from fal_stream.testing import Hang, LocalFal, Pause
from tests.concurrency import Job, async_until, until
from tests.programs import running
from tests.steps import uncollected

INPUTS = [{"n": n} for n in range(100)]

BLOCKING = """
import sys
from fal_stream import StreamingClient

with StreamingClient(run_url=sys.argv[1], credentials="local-id:local-secret") as client:
    for item in client.stream_map("acme/app", [{"n": n} for n in range(100)], concurrency=4):
        print(item.index, flush=True)
"""

ASYNC = """
import sys, {library}
from fal_stream import AsyncStreamingClient

async def main():
    async with AsyncStreamingClient(
        run_url=sys.argv[1], credentials="local-id:local-secret"
    ) as client:
        inputs = [{{"n": n}} for n in range(100)]
        async for item in client.stream_map("acme/app", inputs, concurrency=4):
            print(item.index, flush=True)

"""
PROGRAMS = {
    "blocking": BLOCKING,
    "asyncio": ASYNC.format(library="asyncio") + "asyncio.run(main())",
    "trio": ASYNC.format(library="trio") + "trio.run(main)",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows can't send Ctrl-C to one process")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_ctrl_c(fal: LocalFal, program: str) -> None:
    fal.add("acme/app", lambda request: [1, Hang()] if request.json()["n"] else [1])
    with running("-X", "dev", "-W", "error", "-c", program, fal.url) as process:
        fal.wait_for_requests(5, timeout=30)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    assert out == "0\n"
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "Exception ignored" not in errors
    assert "never retrieved" not in errors
    assert process.returncode == -signal.SIGINT
    for request in fal.requests:
        assert request.json()["n"] == 0 or request.gone.wait(10)


class Interruption(BaseException):
    """Stands for KeyboardInterrupt, which would end the tests."""


def test_an_interruption_at_each_call_and_return(fal: LocalFal) -> None:
    """Whatever the consumer was at, the map can be closed, and knows what it has begun."""
    fal.add("acme/app", [1, 2])
    files = ("workers.py", "work_queue.py", "stream_map.py")
    count = place = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        code = frame.f_code
        # What a finalizer raises is only written.
        if not code.co_filename.endswith(files) or code.co_name == "__del__":
            return None
        # Not at each line: a `with` is left in one step, which no signal comes between.
        if event in ("call", "return"):
            count += 1
            if count == place:
                raise Interruption
        return trace

    with StreamingClient(**fal.settings) as client:
        while count >= place:
            count, place = 0, place + 1
            given: list[int] = []
            asked = len(fal.requests)
            results = client.stream_map("acme/app", INPUTS[:3], concurrency=2)
            tracing = sys.gettrace()
            sys.settrace(trace)
            try:
                # What a collected map of an earlier test calls would be stepped through too.
                with uncollected(), contextlib.suppress(Interruption):
                    for item in results:
                        given.append(item.index)  # noqa: PERF401 - what came before it counts
            finally:
                sys.settrace(tracing)
            Job(results.close).result()
            # Where the wait was interrupted, whoever asks next is told so.
            with contextlib.suppress(StreamInterrupted):
                for item in results:
                    given.append(item.index)  # noqa: PERF401 - what came before it counts
            assert len(given) == len(set(given))
            sent = {request.json()["n"] for request in fal.requests[asked:]}
            # One may be lost on the way from `take` to the consumer, as of any iterator.
            assert len(sent - {*given, *results.unfinished}) <= 1
            until(lambda: "fal_stream-worker" not in {one.name for one in threading.enumerate()})
    assert place > 30


async def test_a_cancelled_task_ends_the_map(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    before = asyncio.all_tasks()
    async with AsyncStreamingClient(**fal.settings) as client:
        results = client.stream_map("acme/app", INPUTS, concurrency=3)
        task = asyncio.ensure_future(results.__anext__())
        await async_until(lambda: len(fal.requests) == 3)
        workers = asyncio.all_tasks() - before - {task}
        assert len(workers) >= 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert all(worker.done() for worker in workers)
        with pytest.raises(StreamInterrupted, match="task or thread that read it was"):
            await results.__anext__()
        assert sorted(results.unfinished) == [0, 1, 2]
        for request in fal.requests:
            assert request.gone.wait(10)


def test_a_cancelled_scope_of_trio_ends_the_map(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            results = client.stream_map("acme/app", INPUTS, concurrency=3)
            with trio.move_on_after(30) as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(results.__anext__)
                    await async_until(lambda: len(fal.requests) == 3)
                    scope.cancel()
            assert sorted(results.unfinished) == [0, 1, 2]

    trio.run(main)
    for request in fal.requests:
        assert request.gone.wait(10)


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_map_that_is_left_behind_ends_with_its_loop(fal: LocalFal, library: str) -> None:
    fal.add("acme/app", lambda request: [1, Hang()] if request.json()["n"] else [1])
    maps: list[Any] = []

    async def main() -> None:
        client = AsyncStreamingClient(**fal.settings)
        maps.append(client.stream_map("acme/app", INPUTS, concurrency=3))
        assert (await maps[0].__anext__()).index == 0
        await async_until(lambda: len(fal.requests) == 4)

    if library == "trio":
        trio.run(main)
    else:
        asyncio.run(main())
    for request in fal.requests:
        assert request.json()["n"] == 0 or request.gone.wait(10)
    # What was given up is said, to whoever asks in another loop too.
    assert sorted(maps[0].unfinished) == [1, 2, 3]
    maps[0].abort()


def test_a_map_belongs_to_one_loop(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    client = AsyncStreamingClient(**fal.settings)
    results = client.stream_map("acme/app", INPUTS, concurrency=1)

    async def take() -> int:
        return (await results.__anext__()).index

    first = asyncio.new_event_loop()
    assert first.run_until_complete(take()) == 0
    with pytest.raises(FalStreamError, match="another event loop"):
        asyncio.run(take())

    # Which does it no harm.
    assert first.run_until_complete(take()) == 1

    async def close() -> None:
        await results.aclose()
        await client.aclose()

    first.run_until_complete(close())
    first.close()


async def test_asynchronous_inputs_that_never_come_hold_nothing_up(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    left = asyncio.Event()

    async def inputs() -> AsyncIterator[dict[str, int]]:
        yield {"n": 0}
        try:
            await asyncio.sleep(1000)
        finally:
            left.set()

    async with AsyncStreamingClient(**fal.settings) as client:
        async with client.stream_map("acme/app", inputs()) as results:
            assert (await results.__anext__()).index == 0
        assert left.is_set()


def test_blocking_inputs_that_never_come_hold_nothing_up(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    over = threading.Event()

    def inputs() -> Iterator[dict[str, int]]:
        yield {"n": 0}
        over.wait(30)
        yield {"n": 1}

    with StreamingClient(**fal.settings) as client:
        with client.stream_map("acme/app", inputs()) as results:
            assert next(results).index == 0
            began = time.monotonic()
        assert time.monotonic() - began < 20
        over.set()
        until(
            lambda: not any(thread.name == "fal_stream-worker" for thread in threading.enumerate())
        )
    # The input that came too late was not sent.
    assert len(fal.requests) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 brings eager tasks")
def test_eager_tasks(fal: LocalFal) -> None:
    fal.add("acme/app", lambda request: [request.json()["n"]])

    async def main() -> list[int]:
        factory: Any = vars(asyncio)["eager_task_factory"]
        asyncio.get_running_loop().set_task_factory(factory)
        async with AsyncStreamingClient(**fal.settings) as client:
            results = client.stream_map("acme/app", INPUTS * 3, concurrency=300)
            return [item.get() async for item in results]

    assert sorted(asyncio.run(main())) == sorted(list(range(100)) * 3)


async def test_inputs_may_wait_for_results(fal: LocalFal) -> None:
    fal.add("acme/app", lambda request: [request.json()["n"]])
    answers: asyncio.Queue[int] = asyncio.Queue()

    async def inputs() -> AsyncIterator[dict[str, int]]:
        yield {"n": 1}
        for _ in range(4):
            yield {"n": 2 * await answers.get()}

    given: list[int] = []
    async with AsyncStreamingClient(**fal.settings) as client:
        async for item in client.stream_map("acme/app", inputs()):
            given.append(item.get())
            answers.put_nowait(item.get())
    assert given == [1, 2, 4, 8, 16]


async def test_a_reader_that_is_stuck_is_cancelled(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    stuck = asyncio.Event()

    async def read(stream: AsyncFalStream[Any]) -> None:
        await stream.done()
        stuck.set()
        await asyncio.sleep(1000)

    async with AsyncStreamingClient(**fal.settings) as client:
        results = client.stream_map("acme/app", INPUTS, read=read, concurrency=2)
        task = asyncio.ensure_future(results.__anext__())
        await stuck.wait()
        await results.aclose()
        with pytest.raises(StopAsyncIteration):
            await task
        assert results.unfinished


async def test_a_reader_that_is_cancelled_by_itself_says_so(fal: LocalFal) -> None:
    fal.add("acme/app", [1])

    async def read(stream: AsyncFalStream[Any]) -> None:
        raise asyncio.CancelledError

    async with AsyncStreamingClient(**fal.settings) as client:
        given = [item async for item in client.stream_map("acme/app", INPUTS[:5], read=read)]
    assert sorted(item.index for item in given) == list(range(5))
    assert all(isinstance(item.error, StreamInterrupted) for item in given)


async def test_inputs_that_are_cancelled_by_themselves_do_not_end_quietly(fal: LocalFal) -> None:
    fal.add("acme/app", [1])

    async def inputs() -> AsyncIterator[dict[str, int]]:
        yield {"n": 0}
        raise asyncio.CancelledError

    async with AsyncStreamingClient(**fal.settings) as client:
        results = client.stream_map("acme/app", inputs())
        assert (await results.__anext__()).index == 0
        with pytest.raises(StreamInterrupted, match="inputs was cancelled"):
            await results.__anext__()


def test_a_failure_does_not_wait_for_inputs_that_never_come(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    over = threading.Event()

    def inputs() -> Iterator[dict[str, int]]:
        yield {"n": 0}
        over.wait(50)

    def read(stream: FalStream[Any]) -> None:
        raise SystemExit(3)

    with StreamingClient(**fal.settings) as client:
        job: Job[list[Any]] = Job(list, client.stream_map("acme/app", inputs(), read=read))
        with pytest.raises(SystemExit):
            job.result()
    over.set()


def test_threads_that_can_not_be_started(fal: LocalFal, monkeypatch: pytest.MonkeyPatch) -> None:
    fal.add("acme/app", [Pause(0.05), 1])
    start, started = threading.Thread.start, 0

    def fail_later(thread: threading.Thread) -> None:
        nonlocal started
        if thread.name == "fal_stream-worker":
            started += 1
            if started > 2:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_later)
    with StreamingClient(**fal.settings) as client:
        results = client.stream_map("acme/app", INPUTS, concurrency=4)
        with pytest.raises(StreamConnectionError, match="can't start"):
            list(results)
        assert set(results.unfinished) >= {request.json()["n"] for request in fal.requests}


def test_a_coroutine_function_is_refused_by_the_blocking_client(fal: LocalFal) -> None:
    async def read(stream: FalStream[Any]) -> int:
        return 1

    client = StreamingClient(**fal.settings)
    with client, pytest.raises(ConfigError, match="read is an async function"):
        client.stream_map("acme/app", [], read=read)


def test_a_reader_that_ends_the_program_ends_the_map(fal: LocalFal) -> None:
    fal.add("acme/app", [1])

    def read(stream: FalStream[Any]) -> None:
        raise SystemExit(3)

    with StreamingClient(**fal.settings) as client, pytest.raises(SystemExit):
        list(client.stream_map("acme/app", INPUTS, read=read))


def test_workers_know_the_context_of_the_consumer(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    name = contextvars.ContextVar("name", default="none")
    name.set("mine")

    def read(stream: FalStream[Any]) -> str:
        return name.get()

    with StreamingClient(**fal.settings) as client:
        given = client.stream_map("acme/app", INPUTS[:20], read=read, concurrency=3)
        assert {item.get() for item in given} == {"mine"}


def test_a_consumer_in_another_thread_is_woken_by_close(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    with StreamingClient(**fal.settings) as client:
        results = client.stream_map("acme/app", INPUTS, concurrency=2)
        job: Job[list[Any]] = Job(list, results)
        until(lambda: len(fal.requests) == 2)
        results.close()
        assert job.result() == []


@pytest.mark.parametrize("ordered", [False, True])
def test_several_threads_get_each_result_once(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch, ordered: bool
) -> None:
    """Also where one is out of time between the wait for a result and taking it."""
    fal.add("acme/app", lambda request: [request.json()["n"]])
    take = WorkQueue.pop_result

    def take_slowly(line: WorkQueue[Any]) -> Any:
        time.sleep(0.01 if threading.get_ident() in slow else 0)
        return take(line)

    def read_slowly(results: StreamMap[Any, Any], got: list[int]) -> None:
        slow.add(threading.get_ident())
        read(results, got)

    def read(results: StreamMap[Any, Any], got: list[int]) -> None:
        got.extend(item.get() for item in results)

    slow: set[int] = set()
    monkeypatch.setattr(WorkQueue, "pop_result", take_slowly)
    with StreamingClient(**fal.settings) as client:
        results = client.stream_map("acme/app", INPUTS, ordered=ordered)
        got: list[list[int]] = [[], [], []]
        jobs = [Job(read, results, got[0]), Job(read_slowly, results, got[1])]
        jobs.append(Job(read, results, got[2]))
        for job in jobs:
            job.result()
    assert sorted(n for part in got for n in part) == list(range(100))
    assert not results.unfinished
    assert not results.signal.aborted
    if ordered:
        assert all(part == sorted(part) for part in got)


def test_a_map_of_another_process(fal: LocalFal) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    fal.add("acme/app", [1, Hang()])
    with StreamingClient(**fal.settings) as client:
        results = client.stream_map("acme/app", INPUTS, concurrency=2)
        job: Job[list[Any]] = Job(list, results)
        fal.wait_for_requests(2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which is the point
            child = os.fork()
        if not child:
            status = 1
            try:
                with contextlib.suppress(FalStreamError):
                    next(results)
                    status = 2
                results.abort()
                results.close()
                status = 0 if sorted(results.unfinished) == [0, 1] else 3
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        # The parent's own goes on.
        assert job.is_running
        results.close()
        assert job.result() == []
