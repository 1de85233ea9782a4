"""What is told of a stream whose reader was cancelled: everybody hears the same.

Cancelled by asyncio (a task, once), by anyio over asyncio (a scope, in each of its waits) and by
trio (the same).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
import trio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    StreamEventType,
    StreamInterrupted,
)
from fal_stream._shared.stream_state import ENDED
from fal_stream.testing import Hang, LocalFal, Pause, Reply, Script
from tests.concurrency import async_until

Read = Callable[[AsyncFalStream[Any]], Coroutine[Any, Any, None]]

WAYS = ["task", "scope", "trio"]


@dataclass
class Story:
    """What is told of one stream.

    Attributes:
        heard: What its listeners heard, as type and value; an error by its class.
        outcomes: What its log says, one for each line.
        done: What `done()` gives afterwards, or the class of what it raises.
    """

    heard: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    outcomes: list[str] = field(default_factory=list[str])
    done: Any = None

    def listen(self, stream: AsyncFalStream[Any]) -> None:
        """Have plain and coroutine functions listen to everything."""
        names: tuple[StreamEventType, ...] = ("data", "error", "done")
        for name in names:
            stream.on(name, self._plain(name))
            stream.on(name, self._waiting(name))

    def _plain(self, name: str) -> Callable[[Any], None]:
        def hear(value: Any) -> None:
            self.heard.append((name, type(value) if isinstance(value, Exception) else value))

        return hear

    def _waiting(self, name: str) -> Callable[[Any], Coroutine[Any, Any, None]]:
        hear = self._plain(f"{name}, after a wait")

        async def wait(value: Any) -> None:
            await anyio.sleep(0.001)
            hear(value)

        return wait


def told(name: str, *values: Any) -> list[tuple[str, Any]]:
    """What both listeners of a type hear."""
    return [pair for value in values for pair in ((name, value), (f"{name}, after a wait", value))]


async def read_all(stream: AsyncFalStream[Any]) -> None:
    async for _ in stream:
        pass


async def read_done(stream: AsyncFalStream[Any]) -> None:
    await stream.done()


async def read_in_block(stream: AsyncFalStream[Any]) -> None:
    async with stream:
        await read_all(stream)


async def stay_in_body(stream: AsyncFalStream[Any]) -> None:
    async with stream:
        async for _ in stream:
            await anyio.sleep(60)


async def stay_in_group(stream: AsyncFalStream[Any]) -> None:
    """What is cancelled comes as a group, where a library makes one of it."""
    async with stream, anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 60)
        async for _ in stream:
            await anyio.sleep(60)


class Cancelling:
    """Reads a stream beside the test, and cancels that."""

    def __init__(self, way: str, read: Read, stream: AsyncFalStream[Any]) -> None:
        self._way = way
        self._scope = anyio.CancelScope()
        self._over = anyio.Event()
        self.ended_well = False

        async def run() -> None:
            try:
                with self._scope:
                    await read(stream)
                    self.ended_well = True
            finally:
                self._over.set()

        if way == "trio":
            trio.lowlevel.spawn_system_task(run)
        else:
            self._task = asyncio.ensure_future(run())

    async def cancel(self) -> None:
        if self._way == "task":
            self._task.cancel()
        else:
            self._scope.cancel()
        with anyio.fail_after(20):
            # A task that is cancelled before its first step does nothing.
            await (self._over.wait() if self._way == "trio" else asyncio.wait([self._task]))


async def tell(stream: AsyncFalStream[Any], story: Story, lines: list[logging.LogRecord]) -> Story:
    """Ask for what is told of a stream that has ended."""
    assert stream.closed
    try:
        story.done = await stream.done()
    except StreamInterrupted as error:
        story.done = StreamInterrupted if "cancelled or interrupted" in str(error) else error
    story.outcomes = [vars(line)["fal_stream"]["outcome"] for line in lines]
    assert all(line.levelno == logging.INFO for line in lines)
    lines.clear()
    return story


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """What the library logs, from info on."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    vars(handler)["emit"] = records.append
    logger = logging.getLogger("fal_stream")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What OpenTelemetry is told of."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


def run(way: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run something in a loop of its own."""
    anyio.run(main, backend="trio" if way == "trio" else "asyncio")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("read", "script", "chunks"),
    [
        (read_all, [1, Hang()], [1]),
        (read_done, [1, 2, Hang()], [1, 2]),
        (read_in_block, [1, Hang()], [1]),
        (stay_in_body, [1, Hang()], [1]),
        (stay_in_group, [1, Hang()], [1]),
        (read_all, Reply(delay=math.inf), []),
        (read_in_block, Reply(delay=math.inf), []),
    ],
    ids=["wait", "done", "block", "body", "group", "head", "head in block"],
)
def test_everybody_hears_the_same(
    fal: LocalFal,
    spans: InMemorySpanExporter,
    lines: list[logging.LogRecord],
    way: str,
    read: Read,
    script: Script,
    chunks: list[int],
) -> None:
    fal.add("acme/app", script)

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            stream, story = client.stream("acme/app"), Story()
            story.listen(stream)
            cancelling = Cancelling(way, read, stream)
            await async_until(lambda: len(fal.requests) == 1)
            await async_until(lambda: len(story.heard) == 2 * len(chunks))
            await cancelling.cancel()
            assert not cancelling.ended_well
            await tell(stream, story, lines)
            assert story.heard == told("data", *chunks) + told("error", StreamInterrupted)
            assert story.outcomes == ["cancelled"]
            assert story.done is StreamInterrupted
            # What came is still there.
            assert list(stream.buffer) == (chunks if read is read_done else [])
            assert not stream.signal.aborted

    run(way, main)
    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["fal.outcome"] == "cancelled"
    assert span.status.status_code is trace.StatusCode.UNSET
    assert fal.requests[0].gone.wait(10)


@pytest.mark.parametrize("way", WAYS)
def test_those_who_wait_hear_it_too(
    fal: LocalFal, lines: list[logging.LogRecord], way: str
) -> None:
    fal.add("acme/app", [1, Hang()])

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            stream, story = client.stream("acme/app"), Story()
            story.listen(stream)
            waiting = Cancelling(way, others(stream), stream)
            await async_until(lambda: stream.current_data == 1)
            cancelling = Cancelling(way, stay_in_own_block, stream)
            await anyio.sleep(0.05)
            await cancelling.cancel()
            await async_until(lambda: len(errors) == 2)
            await waiting.cancel()
            await tell(stream, story, lines)
            assert story.heard == told("data", 1) + told("error", StreamInterrupted)
            assert story.outcomes == ["cancelled"]

    errors: list[StreamInterrupted] = []

    async def stay_in_own_block(stream: AsyncFalStream[Any]) -> None:
        async with stream:
            await anyio.sleep(60)

    def others(stream: AsyncFalStream[Any]) -> Read:
        async def wait(read: Read) -> None:
            try:
                await read(stream)
            except StreamInterrupted as error:
                errors.append(error)

        async def wait_twice(stream: AsyncFalStream[Any]) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(wait, read_done)
                group.start_soon(wait, read_all)

        return wait_twice

    run(way, main)
    assert errors[0] is errors[1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("script", [[1, Pause(0.001), 2], [1, 2]], ids=["slow", "quick"])
def test_at_each_turn_of_the_loop(
    fal: LocalFal, lines: list[logging.LogRecord], way: str, script: Script
) -> None:
    fal.add("acme/app", script)

    async def cancel_at(client: AsyncStreamingClient, turns: int) -> str:
        stream, story = client.stream("acme/app"), Story()
        story.listen(stream)
        cancelling = Cancelling(way, read_all, stream)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        await cancelling.cancel()
        if not stream.closed:
            # It was cancelled before it had begun.
            assert story.heard == []
            assert lines == []
            stream.abort()
            return "nothing"
        await tell(stream, story, lines)
        chunks = [value for name, value in story.heard if name == "data"]
        assert chunks == [1, 2][: len(chunks)]
        if story.done is StreamInterrupted:
            last, outcome = told("error", StreamInterrupted), "cancelled"
        else:
            last, outcome = told("done", 2), "done"
            assert chunks == [1, 2]
        assert story.outcomes == [outcome]
        missed = Counter(told("data", *chunks) + last) - Counter(story.heard)
        # One may have been in its wait when it was cancelled.
        assert missed.total() <= 1 - cancelling.ended_well
        assert all("after a wait" in name for name, _ in missed)
        return outcome

    async def main() -> None:
        found: list[str] = []
        async with AsyncStreamingClient(**fal.settings) as client:
            await client.stream("acme/app").done()
            lines.clear()
            while found.count("done") < 5:
                found.append(await cancel_at(client, len(found)))
                assert len(found) < 5000
        assert found.count("cancelled") > 5

    run(way, main)


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_had_ended_well(
    fal: LocalFal, lines: list[logging.LogRecord], way: str
) -> None:
    """Its last chunk is told of when its reader is cancelled."""
    fal.add("acme/app", [1, 2])

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            stream, story = client.stream("acme/app"), Story()
            is_reached, heard = anyio.Event(), list[Any]()

            async def wait(chunk: Any) -> None:
                if chunk == 2:
                    is_reached.set()
                    await anyio.sleep(60)

            def note(chunk: Any) -> None:
                heard.append(chunk)

            stream.on("data", wait).on("data", note)
            story.listen(stream)
            cancelling = Cancelling(way, read_done, stream)
            await is_reached.wait()
            # By now the end is here, too, or it is read of no more.
            has_ended = ENDED in stream._reached
            began = anyio.current_time()
            await cancelling.cancel()
            assert anyio.current_time() - began < 10
            await tell(stream, story, lines)
            assert heard == [1, 2]
            assert story.outcomes == ["done" if has_ended else "cancelled"]
            last = told("done", 2) if has_ended else told("error", StreamInterrupted)
            assert story.heard == told("data", 1, 2) + last

    run(way, main)


@pytest.mark.parametrize("way", WAYS)
def test_listeners_hold_no_cancellation_up(fal: LocalFal, way: str) -> None:
    fal.add("acme/app", [1, Hang()])
    heard: list[Any] = []

    async def never_end(value: Any) -> None:
        heard.append(value)
        if isinstance(value, Exception):
            await anyio.sleep(1000)

    async def main() -> None:
        async with AsyncStreamingClient(**fal.settings) as client:
            stream = client.stream("acme/app").on("data", never_end)
            for _ in range(20):
                stream.on("error", never_end)
            cancelling = Cancelling(way, read_all, stream)
            await async_until(lambda: heard == [1])
            await anyio.sleep(0.05)
            began = anyio.current_time()
            await cancelling.cancel()
            # Half a second for all of them, and not for each.
            assert anyio.current_time() - began < 8
            assert len(heard) == 21

    run(way, main)
