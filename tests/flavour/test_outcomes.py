"""The outcome in the log: of bare loops whose body is cancelled, and of the streams of a map."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import anyio
import pytest
import trio

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    AsyncStreamMap,
    StreamingClient,
    StreamMap,
)
from fal_stream.testing import Hang, LocalFal
from tests.concurrency import async_until, until

WAYS = ["task", "scope", "trio"]
CHUNK = {"output": "a fox", "audio": "AAAA", "images": [{"url": "data:image/png;base64,iVBORw=="}]}

Loop = Callable[[AsyncStreamingClient], AsyncIterator[Any]]


@pytest.fixture(autouse=True)
def app(fal: LocalFal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fal_stream")
    fal.add("acme/app", [CHUNK, Hang()])


def outcomes(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give the outcomes that were logged, and see that nothing worse was."""
    records = [record for record in caplog.records if record.name == "fal_stream"]
    assert all(record.levelno == logging.INFO for record in records)
    return [vars(record)["fal_stream"]["outcome"] for record in records]


async def cancel_in(
    way: str, work: Callable[[], Coroutine[Any, Any, None]], is_ready: Callable[[], bool]
) -> None:
    """Cancel some work when it is ready for that."""
    if way == "task":
        task = asyncio.ensure_future(work())
        await async_until(is_ready)
        task.cancel()
        await asyncio.wait([task])
        return
    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await async_until(is_ready)
        group.cancel_scope.cancel()


def run(way: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run something in a loop of its own."""
    anyio.run(main, backend="trio" if way == "trio" else "asyncio")


LOOPS: dict[str, Loop] = {
    "stream": lambda client: client.stream("acme/app"),
    "events": lambda client: client.stream("acme/app").events(),
    "text": lambda client: client.stream("acme/app").text(),
    "audio": lambda client: client.stream("acme/app").audio(),
    "files": lambda client: client.stream("acme/app").files(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_bare_loop_whose_body_is_cancelled(
    fal: LocalFal, caplog: pytest.LogCaptureFixture, way: str, loop: str
) -> None:
    got: list[Any] = []

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:

            async def read() -> None:
                async for thing in LOOPS[loop](client):
                    got.append(thing)
                    await anyio.sleep(60)

            await cancel_in(way, read, lambda: bool(got))
            assert fal.requests[0].gone.wait(10)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(way, main)
    # It is closed at once, but only as nothing has it any more: the loop itself isn't told.
    assert [warning.category for warning in caught if "was dropped" in str(warning.message)] == [
        ResourceWarning
    ]
    # Python 3.10 doesn't tell whether a task of asyncio is being cancelled.
    is_told = way == "trio" or sys.version_info >= (3, 11)
    assert outcomes(caplog) == ["cancelled" if is_told else "dropped"]


async def read_first(stream: AsyncFalStream[Any]) -> Any:
    """Give the first chunk for the first input; the stream of another one has no end."""
    async for chunk in stream:
        if stream.options.get("input") == {"n": 1}:
            return chunk
    raise AssertionError("it has no end")


class DropAtTaskEnd(trio.abc.Instrument):
    """Drops what it holds while a task ends, as the garbage collector may."""

    def __init__(self) -> None:
        self.held: list[object] = []

    def task_exited(self, task: object) -> None:
        self.held.clear()


@pytest.mark.parametrize("what", ["stream", "map"])
def test_what_is_dropped_while_a_task_of_trio_ends(
    fal: LocalFal, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    dropper = DropAtTaskEnd()

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            things: Any = client.stream("acme/app")
            if what == "map":
                things = client.stream_map("acme/app", [{"n": 1}, {"n": 2}], read=read_first)
            await things.__anext__()
            dropper.held.append(things)
            del things
            trio.lowlevel.add_instrument(dropper)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.lowlevel.checkpoint)
            await async_until(lambda: all(request.gone.is_set() for request in fal.requests))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trio.run(main)
    assert len([warning for warning in caught if "was dropped" in str(warning.message)]) == 1
    assert sorted(outcomes(caplog)) == (["closed", "dropped"] if what == "map" else ["dropped"])


@pytest.mark.parametrize("way", WAYS)
def test_a_bare_loop_that_is_left_before_a_cancellation(
    fal: LocalFal, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    is_left: list[bool] = []

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:

            async def leave() -> None:
                async for _ in client.stream("acme/app"):
                    return

            async def read() -> None:
                with pytest.warns(ResourceWarning, match="was dropped"):
                    await leave()
                is_left.append(True)
                await anyio.sleep(60)

            await cancel_in(way, read, lambda: bool(is_left))

    run(way, main)
    assert outcomes(caplog) == ["dropped"]


async def wait_for_results(results: AsyncStreamMap[Any, Any]) -> None:
    async for _ in results:
        pass


async def stay_in_block(results: AsyncStreamMap[Any, Any]) -> None:
    async with results:
        await wait_for_results_twice(results)


async def wait_for_results_twice(results: AsyncStreamMap[Any, Any]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(wait_for_results, results)
        await anyio.sleep(60)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", [wait_for_results, stay_in_block])
def test_a_map_whose_reader_is_cancelled(
    fal: LocalFal,
    caplog: pytest.LogCaptureFixture,
    way: str,
    read: Callable[[AsyncStreamMap[Any, Any]], Coroutine[Any, Any, None]],
) -> None:
    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            results = client.stream_map("acme/app", [1, 2], concurrency=2)
            await cancel_in(way, lambda: read(results), lambda: len(fal.requests) == 2)
            assert sorted(results.unfinished.values()) == [1, 2]

    run(way, main)
    assert outcomes(caplog) == ["cancelled", "cancelled"]


@pytest.mark.parametrize("way", WAYS)
def test_a_map_in_whose_block_the_body_is_cancelled(
    fal: LocalFal, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """One result has come; the stream of the other input still runs."""
    got: list[Any] = []

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:

            async def read() -> None:
                inputs = [{"n": 1}, {"n": 2}]
                async with client.stream_map("acme/app", inputs, read=read_first) as results:
                    async for item in results:
                        got.append(item.get())
                        await anyio.sleep(60)

            await cancel_in(way, read, lambda: bool(got) and len(fal.requests) == 2)

    run(way, main)
    assert got == [CHUNK]
    assert sorted(outcomes(caplog)) == ["cancelled", "closed"]


@pytest.mark.parametrize("end", ["close", "abort", "interrupt"])
def test_how_a_blocking_map_ends(fal: LocalFal, caplog: pytest.LogCaptureFixture, end: str) -> None:
    with StreamingClient(**fal.settings) as client:
        results: StreamMap[Any, Any] = client.stream_map("acme/app", [1, 2], concurrency=2)
        if end == "interrupt":
            with pytest.raises(KeyboardInterrupt), results:
                results._work.start_worker()
                until(lambda: len(fal.requests) == 2)
                raise KeyboardInterrupt
        else:
            results._work.start_worker()
            until(lambda: len(fal.requests) == 2)
            getattr(results, end)()
            results.close()
        assert str(results.signal.reason or "") == (
            "" if end == "abort" else "the stream map was closed"
        )
    expected = {"close": "closed", "abort": "aborted", "interrupt": "cancelled"}[end]
    assert outcomes(caplog) == [expected, expected]
