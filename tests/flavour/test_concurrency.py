"""Many streams on one client: each ends, connections are used again, and none costs the others."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from fal_stream import AsyncStreamingClient, StreamingClient
from fal_stream._async.http.pool import MAX_IDLE_CONNECTIONS
from fal_stream._net.async_socket import AsyncSocketStream
from fal_stream._net.sync_socket import SocketStream
from fal_stream.testing import LocalFal, Pause, RecordedRequest
from tests.concurrency import Job, until
from tests.sockets import open_files

from .pools import pools_of

MANY = 1000
THREADS = 64


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for both ends of many connections."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MANY + open_files() + 200
    if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
        pytest.skip("the system doesn't allow so many open files")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Gate:
    """A script that goes on when all streams have come."""

    def __init__(self) -> None:
        self.has_response = threading.Event()

    def __call__(self, request: RecordedRequest) -> Iterator[object]:
        yield 1
        while not self.has_response.is_set():
            yield Pause(0.1)
        yield request.json()


def peers(requests: list[RecordedRequest]) -> set[Any]:
    return {request.peer for request in requests}


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_many_at_once(fal: LocalFal) -> None:
    gate = Gate()
    fal.add("acme/app", gate)
    fal.add("acme/short", [1])
    ends: dict[int, list[Any]] = {}

    async def read(number: int) -> None:
        ends[number] = [chunk async for chunk in client.stream("acme/app", input=number)]

    async def read_short() -> None:
        assert await client.stream("acme/short").done() == 1

    async with AsyncStreamingClient(**fal.settings) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(MANY):
                tasks.start_soon(read, number)
            while len(fal.requests) < MANY:
                await anyio.sleep(0.02)
            gate.has_response.set()
        assert ends == {number: [1, number] for number in range(MANY)}
        assert len(peers(fal.requests)) == MANY
        (pool,) = pools_of(client)
        assert len(pool.idle) <= MAX_IDLE_CONNECTIONS
        async with anyio.create_task_group() as tasks:
            for _ in range(MAX_IDLE_CONNECTIONS // 2):
                tasks.start_soon(read_short)
        assert peers(fal.requests[MANY:]) <= peers(fal.requests[:MANY])


def test_many_threads(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    together = threading.Barrier(THREADS)

    def read() -> None:
        together.wait(20)
        for _ in range(5):
            assert list(client.stream("acme/app")) == [1, 2]

    with StreamingClient(**fal.settings) as client:
        for job in [Job(read) for _ in range(THREADS)]:
            job.result()
        assert len(fal.requests) == 5 * THREADS
        assert len(peers(fal.requests)) <= THREADS


async def test_one_after_another(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    with StreamingClient(**fal.settings) as blocking:
        for _ in range(50):
            assert blocking.stream("acme/app").done() == 2
    assert len(peers(fal.requests)) == 1
    async with AsyncStreamingClient(**fal.settings) as client:
        for _ in range(50):
            assert await client.stream("acme/app").done() == 2
    assert len(peers(fal.requests[50:])) == 1


def test_old_ones_are_closed_without_a_next_request(fal: LocalFal) -> None:
    gate = Gate()
    fal.add("acme/app", gate)
    with StreamingClient(**fal.settings, keepalive_expiry=0.02) as client:
        streams = [client.stream("acme/app", input=0).start() for _ in range(3)]
        gate.has_response.set()
        for stream in streams:
            assert stream.done() == 0
        (pool,) = pools_of(client)
        until(lambda: not pool.idle)
        assert client.stream("acme/app", input=0).done() == 0
        assert fal.requests[3].peer not in peers(fal.requests[:3])


def looks(monkeypatch: pytest.MonkeyPatch, stream: type[Any]) -> list[str]:
    """Count how often the socket of a connection is looked at."""
    asked: list[str] = []

    def counted(name: str) -> Any:
        function = getattr(stream, name)

        def call(self: Any) -> Any:
            asked.append(name)
            return function(self)

        return call

    for name in ("is_reusable", "seems_open"):
        monkeypatch.setattr(stream, name, counted(name))
    return asked


@pytest.mark.parametrize("busy", [1, 40])
async def test_others_are_not_looked_at(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch, busy: int
) -> None:
    gate = Gate()
    fal.add("acme/app", gate)
    fal.add("acme/short", [1])
    async with AsyncStreamingClient(**fal.settings) as client:
        streams = [client.stream("acme/app", input=0) for _ in range(busy)]
        for stream in streams:
            assert await anext(stream) == 1
        assert await client.stream("acme/short").done() == 1
        asked = looks(monkeypatch, AsyncSocketStream)
        assert await client.stream("acme/short").done() == 1
        assert asked == ["is_reusable", "seems_open"]
        gate.has_response.set()
        for stream in streams:
            await stream.done()


@pytest.mark.parametrize("idle", [1, 40])
def test_other_idle_ones_are_not_looked_at(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch, idle: int
) -> None:
    gate = Gate()
    fal.add("acme/app", gate)
    with StreamingClient(**fal.settings) as client:
        streams = [client.stream("acme/app", input=0) for _ in range(idle)]
        for stream in streams:
            assert next(stream) == 1
        gate.has_response.set()
        for stream in streams:
            assert stream.done() == 0
        asked = looks(monkeypatch, SocketStream)
        assert client.stream("acme/app", input=0).done() == 0
        assert asked == ["is_reusable", "seems_open", "is_reusable"]


def test_the_work_of_a_request_does_not_grow(fal: LocalFal) -> None:
    """Whatever the pool does, it is no more calls with many connections than with few."""
    gate = Gate()
    fal.add("acme/app", gate)
    fal.add("acme/short", [1])

    def calls() -> int:
        count = 0

        def profile(frame: Any, event: str, arg: Any) -> None:
            nonlocal count
            count += event == "call"

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            assert client.stream("acme/short").done() == 1
        finally:
            sys.setprofile(before)
        return count

    with StreamingClient(**fal.settings) as client:
        for _ in range(3):
            assert client.stream("acme/short").done() == 1
        few = min(calls() for _ in range(3))
        streams = [client.stream("acme/app", input=0) for _ in range(60)]
        for stream in streams:
            assert next(stream) == 1
        with_many = min(calls() for _ in range(3))
        gate.has_response.set()
        for stream in streams:
            stream.done()
    # Not to the call: how often a socket is looked at hangs on how fast the server is.
    assert with_many < few * 1.1
