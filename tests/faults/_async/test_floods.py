"""Rows 18, 20 and 23: more than anybody wants to hold in memory."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream import (
    AsyncStreamingClient,
    Config,
    EventTooLarge,
    StreamDecodeError,
)
from fal_stream.testing import LocalFal, Raw, RecordedRequest, Reply
from tests._async.read_stream import read
from tests.concurrency import async_sleep, async_until
from tests.faults.fault import Fault

from .fault_checks import check_fault, check_unharmed

MIB = 1024 * 1024
PIECE = b"x" * MIB

# The buffers of both ends of a connection, the server's own included, with room to spare.
BUFFERS = 64 * MIB


@pytest.fixture
def memory() -> Iterator[Any]:
    """A function that gives the most memory that was in use since the test began, in bytes."""
    tracemalloc.start()
    tracemalloc.reset_peak()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


EVENTS = {
    "a line without end": lambda: itertools.chain([Raw(b"data: ")], itertools.repeat(Raw(PIECE))),
    "lines without end": lambda: itertools.repeat(Raw(b"data: " + PIECE + b"\n")),
    "an event of 100 MB": lambda: [Raw(b"data: "), *[Raw(PIECE)] * 100, Raw(b"\n\n")],
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
async def test_an_event_that_is_too_large(
    either_fal: LocalFal, client: AsyncStreamingClient, event: Any, memory: Any
) -> None:
    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        yield from event()

    error = await check_fault(
        either_fal, client, Fault(script, EventTooLarge, (1,), "max_event_bytes")
    )
    assert isinstance(error, EventTooLarge)
    assert error.limit == Config().max_event_bytes == 64 * MIB
    # The event once, and once more while what holds it grows.
    assert memory() < 3 * 64 * MIB


async def test_an_event_that_just_fits(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    text = "x" * (60 * MIB)
    either_fal.add("acme/app", [Raw(b'data: "'), *[Raw(PIECE)] * 60, Raw(b'"\n\n'), 2])
    chunks, error = await read(client.stream("acme/app"))
    assert error is None
    assert chunks == [text, 2]


@pytest.mark.parametrize(
    "line",
    [b": " + PIECE, b"unknown: " + PIECE + b"\n", b"\n" * 5000],
    ids=["a comment without end", "unknown lines", "empty lines"],
)
async def test_what_is_no_event_takes_no_memory(
    either_fal: LocalFal, client: AsyncStreamingClient, line: bytes, memory: Any
) -> None:
    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        yield from [Raw(line)] * 100
        yield Raw(b"\n\n")
        yield 2

    await check_fault(either_fal, client, Fault(script, None, (1, 2)))
    assert memory() < 3 * 16 * MIB


@pytest.mark.parametrize("status", [200, 500])
async def test_a_bomb_is_not_inflated(
    either_fal: LocalFal, client: AsyncStreamingClient, status: int, memory: Any
) -> None:
    bomb = gzip.compress(bytes(100 * MIB))
    headers = {"content-encoding": "gzip"}
    tracemalloc.reset_peak()
    either_fal.add("acme/app", Reply([Raw(bomb)], status=status, headers=headers))
    _, error = await read(client.stream("acme/app"))
    assert error is not None
    assert isinstance(error, StreamDecodeError) is (status == 200)
    assert memory() < 16 * MIB
    await check_unharmed(either_fal, client)


@pytest.mark.parametrize("content_type", ["text/event-stream", "audio/wav"])
async def test_a_slow_consumer_of_a_flood(
    either_fal: LocalFal, client: AsyncStreamingClient, content_type: str
) -> None:
    sent = 0

    def flood() -> Iterator[object]:
        nonlocal sent
        while True:
            sent += MIB // 4
            yield Raw(b'data: "' + b"x" * (MIB // 4) + b'"\n\n')

    either_fal.add("acme/app", lambda request: Reply(flood(), content_type=content_type))
    got = 0
    async with client.stream("acme/app", timeout=0.5, event_timeout=0.5) as stream:
        async for chunk in stream:
            got += len(chunk)
            if got > MIB:
                break
        # More than both limits: the time of the consumer does not count.
        held = 0
        while held != sent:
            held = sent
            assert held < got + BUFFERS
            await async_sleep(0.6)
        async for chunk in stream:
            got += len(chunk)
            if got > held + 2 * MIB:
                break
    assert got > held
    await async_until(either_fal.requests[0].gone.is_set)
