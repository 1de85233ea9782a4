"""Rows 6 to 10: servers that are silent or slow, and hosts that are not there."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream import AsyncFalStream, AsyncStreamingClient, StreamConnectionError, StreamTimeout
from fal_stream.testing import Hang, LocalFal, Pause, Ping, Raw, Reply, Script, Wire
from tests._async.read_stream import Outcome, read
from tests.concurrency import AsyncJob, async_until
from tests.faults.servers import RawServer, drip
from tests.flavour.pools import at_work
from tests.sockets import MuteServer

from .fault_checks import check_unharmed


async def expect_start_timeout(stream: AsyncFalStream[Any]) -> None:
    chunks, error = await read(stream)
    assert chunks == []
    assert isinstance(error, StreamTimeout)
    assert (error.phase, error.option) == ("start", "start_timeout")


SILENT_BODIES: dict[str, Script] = {
    "at once": [Hang()],
    "after a chunk": [1, Hang()],
    "in a line": [1, Raw(b"da"), Hang()],
    "in an event": [1, Raw(b"data: 2\n"), Hang()],
    "in an HTTP chunk": [1, Wire(b"9\r\ndat"), Hang()],
    "a drip": [1, *[Raw(b"x"), Pause(0.02)] * 2000],
    "a drip of a chunk's size": [1, *[Wire(b"0"), Pause(0.1)] * 300],
}


async def all_time_out(
    fal: LocalFal,
    client: AsyncStreamingClient,
    scripts: dict[str, Script],
    phase: str,
    **limits: Any,
) -> dict[str, list[Any]]:
    """Read streams side by side that all run out of the same limit, and give their chunks."""
    jobs: dict[str, AsyncJob[Outcome]] = {}
    for number, (name, script) in enumerate(scripts.items()):
        fal.add(f"acme/app{number}", script)
        jobs[name] = AsyncJob(read, client.stream(f"acme/app{number}", **limits))
    outcomes = {name: await job.result() for name, job in jobs.items()}
    for name, (_, error) in outcomes.items():
        assert isinstance(error, StreamTimeout), name
        assert error.phase == phase, name
        assert limits[error.option] == error.seconds, name
    await async_until(lambda: all(request.gone.is_set() for request in fal.requests))
    assert len(fal.requests) == len(scripts)
    await check_unharmed(fal, client)
    return {name: chunks for name, (chunks, _) in outcomes.items()}


async def test_silence_in_the_body(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    came = await all_time_out(either_fal, client, SILENT_BODIES, "idle", timeout=0.3)
    assert came == {name: [1] if name != "at once" else [] for name in SILENT_BODIES}


SIGNS: dict[str, Script] = {
    "pings": [1, *[Ping(), Pause(0.05)] * 1000],
    "empty lines": [1, *[Raw(b"\n"), Pause(0.05)] * 1000],
    "events without data": [1, *[Raw(b"data:\n\n"), Pause(0.05)] * 1000],
}


async def test_signs_of_life_without_a_chunk(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    limits: dict[str, Any] = {"timeout": 10.0, "event_timeout": 0.4}
    came = await all_time_out(either_fal, client, SIGNS, "event", **limits)
    assert came == {name: [1] for name in SIGNS}


def dripped_head() -> Iterator[object]:
    """A head whose last line never ends, byte by byte."""
    for byte in b"HTTP/1.1 200 OK\r\nx-a: ":
        yield Wire(bytes([byte]))
    while True:
        yield Wire(b"y")
        yield Pause(0.02)


HEADS: dict[str, Script] = {
    "none": lambda _: Reply(delay=math.inf),
    "half a line": lambda _: Reply([Wire(b"HTTP/1."), Hang()], head=b""),
    "no last line": lambda _: Reply([Wire(b"HTTP/1.1 200 OK\r\nx: 1\r\n"), Hang()], head=b""),
    "line after line": lambda _: Reply(
        [Wire(b"HTTP/1.1 200 OK\r\n"), *[Wire(b"x: 1\r\n"), Pause(0.05)] * 1000], head=b""
    ),
    "byte by byte": lambda _: Reply(dripped_head(), head=b""),
    "interim ones": lambda _: Reply(
        [Wire(b"HTTP/1.1 103 Early Hints\r\n\r\n"), Pause(0.05)] * 1000, head=b""
    ),
}


async def test_a_head_that_never_ends(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    came = await all_time_out(either_fal, client, HEADS, "start", start_timeout=0.4)
    assert came == {name: [] for name in HEADS}


# Before there is a connection.


def outside(url: str) -> AsyncStreamingClient:
    """A client of a host that is reached through the proxies of the environment."""
    return AsyncStreamingClient(
        run_url=url,
        credentials="a:b",
        trusted_hosts=["far.example"],
        start_timeout=1,
        retry=None,
    )


async def test_a_slow_handshake() -> None:
    def play(client: socket.socket) -> None:
        client.recv(1)
        drip(client, b"\x16\x03\x03\x40\x00\x02")

    with RawServer(play) as server:
        async with outside(f"https://{server.address}") as client:
            await expect_start_timeout(client.stream("acme/app"))
        assert server.connected == 1


async def test_a_silent_handshake(mute: MuteServer) -> None:
    async with outside(f"https://{mute.address}") as client:
        await expect_start_timeout(client.stream("acme/app"))
        await async_until(lambda: mute.abandoned)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_black_hole(unreachable: str, scheme: str) -> None:
    async with outside(f"{scheme}://{unreachable}") as client:
        await expect_start_timeout(client.stream("acme/app"))


PROXIES = {
    "mute": b"",
    "half an answer": b"HTTP/1.1 200 Connec",
    "endless headers": b"HTTP/1.1 200 OK\r\nx: 1\r\nx: y",
    "a tunnel to nowhere": b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03\x40\x00\x02",
}


@pytest.mark.parametrize("answer", PROXIES.values(), ids=PROXIES)
async def test_a_proxy_that_gives_no_tunnel(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def play(client: socket.socket) -> None:
        asked.append(client.recv(1000))
        if answer:
            drip(client, answer)
        client.recv(1000)

    with RawServer(play) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        async with outside("https://far.example") as client:
            await expect_start_timeout(client.stream("acme/app"))
            assert at_work(client) == []
    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT far.example:443 HTTP/1.1\r\n")


@pytest.fixture
def hanging_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have the name far.example looked up without an end; the event says that it is asked for."""
    asked, enough = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if host != "far.example":
            return look_up(host, *args, **options)
        asked.set()
        enough.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked
    enough.set()


async def test_a_name_that_is_not_found(local_names: dict[str, bool]) -> None:
    local_names["far.example"] = False
    async with outside("https://far.example") as client:
        chunks, error = await read(client.stream("acme/app", start_timeout=30))
    assert chunks == []
    assert type(error) is StreamConnectionError
    assert "far.example" in str(error)
    assert not error.request_sent


async def test_a_name_that_is_looked_up_for_ever(hanging_name: threading.Event) -> None:
    async with outside("https://far.example") as client:
        await expect_start_timeout(client.stream("acme/app"))
    assert hanging_name.is_set()


async def test_an_abort_while_a_name_is_looked_up(hanging_name: threading.Event) -> None:
    async with outside("https://far.example") as client:
        stream = client.stream("acme/app", start_timeout=None)
        job = AsyncJob(read, stream)
        await async_until(hanging_name.is_set)
        stream.abort()
        assert await job.result() == ([], None)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refused_connection(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    async with AsyncStreamingClient(run_url=f"{scheme}://{address}", retry=None) as client:
        chunks, error = await read(client.stream("acme/app"))
    assert chunks == []
    assert type(error) is StreamConnectionError
    assert address in str(error)
    assert not error.request_sent
