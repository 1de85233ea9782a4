"""Row 28: aborts where `test_abort` can't reach: names, tunnels, reused connections, finalizers."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fal_stream import AsyncFalStream, AsyncStreamingClient
from fal_stream.testing import Hang, LocalFal, Pause, Reply
from tests._async.reading import read
from tests._async.test_abort import end_of, latency_of, settle_latencies
from tests.faults.servers import RawServer
from tests.flavour.pools import at_work
from tests.seam import AsyncJob, async_until

from .meeting import check_unharmed

Record = Callable[[str, object], None]

HELLO = b"\x16\x03\x03"

PROXIES = {
    "before the answer": ("http", b""),
    "in the answer": ("http", b"HTTP/1.1 200 OK\r\nx: y"),
    "in its handshake": ("http", b"HTTP/1.1 200 OK\r\n\r\n" + HELLO),
    "of SOCKS": ("socks5", b""),
}


@pytest.mark.parametrize(("scheme", "answer"), PROXIES.values(), ids=PROXIES.keys())
async def test_in_a_tunnel(
    scheme: str, answer: bytes, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    if scheme == "socks5":
        pytest.importorskip("socksio")
    reached: list[int] = []

    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(answer)
        reached.append(1)
        while client.recv(10_000):
            pass

    with RawServer(play) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://{proxy.address}")
        async with AsyncStreamingClient(
            run_url="https://far.example", credentials="a:b", trusted_hosts=["far.example"]
        ) as client:
            latencies = [
                await latency_of(client.stream("acme/app"), partial(_more_than, count, reached), [])
                for count in range(3)
            ]
            assert at_work(client) == []
    settle_latencies(record_property, f"in a tunnel ({scheme}, {answer!r})", latencies)
    gc.collect()


def _more_than(count: int, of: list[int]) -> bool:
    return len(of) > count


async def test_while_a_name_is_looked_up(
    monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    asked: list[int] = []
    enough = threading.Event()

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(1)
        enough.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with AsyncStreamingClient(
        run_url="https://far.example", credentials="a:b", trusted_hosts=["far.example"]
    ) as client:
        latencies = [
            await latency_of(client.stream("acme/app"), partial(_more_than, count, asked), [])
            for count in range(3)
        ]
    enough.set()
    settle_latencies(record_property, "while a name is looked up", latencies)


@pytest.mark.parametrize(
    "script", [Reply(delay=float("inf")), Reply([1, Hang()])], ids=["the head", "the body"]
)
async def test_on_a_reused_connection(
    either_fal: LocalFal, script: Reply, record_property: Record
) -> None:
    either_fal.add("acme/warm", [0])
    either_fal.add("acme/app", script)
    latencies: list[float] = []
    async with AsyncStreamingClient(**either_fal.settings) as client:
        for _ in range(3):
            assert await client.stream("acme/warm").done() == 0
            stream = client.stream("acme/app")
            count = len(either_fal.requests)

            def is_reached(stream: Any = stream, count: int = count) -> bool:
                came = len(either_fal.requests) > count
                return came and (script.delay > 0 or stream.current_data == 1)

            latencies.append(await latency_of(stream, is_reached, [] if script.delay else [1]))
            warm, aborted = either_fal.requests[-2:]
            assert warm.peer == aborted.peer
            await async_until(aborted.gone.is_set)
        await check_unharmed(either_fal, client)
    settle_latencies(record_property, "on a reused connection", latencies)


class Finalizer:
    """Aborts a stream when it is collected."""

    def __init__(self, stream: AsyncFalStream[Any]) -> None:
        self._stream = stream
        self._itself = self

    def __del__(self) -> None:
        self._stream.abort("collected")


async def test_from_a_finalizer(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    job = AsyncJob(end_of, stream)
    await async_until(lambda: stream.current_data == 1)
    Finalizer(stream)
    gc.collect()
    assert (await job.result())[0] == ([1], None)
    assert stream.signal.reason == "collected"
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


async def test_from_a_finalizer_of_its_own_reader(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    """The collector runs in whatever call makes an object: in the middle of the stream's own."""
    either_fal.add("acme/app", [step for number in range(200) for step in (number, Pause(0.0005))])
    for _ in range(5):
        stream = client.stream("acme/app")
        got: list[Any] = []

        def collect(chunk: Any, stream: AsyncFalStream[Any] = stream, got: list[Any] = got) -> None:
            got.append(chunk)
            if chunk == 20:
                Finalizer(stream)
                gc.collect()

        chunks, error = await read(stream.on("data", collect))
        assert error is None
        # What had come in the same read was heard, and is not given any more.
        assert chunks == list(range(len(chunks)))
        assert len(chunks) <= 20
        assert got == list(range(len(got)))
        assert 21 <= len(got) < 200
        assert stream.signal.reason == "collected"
    for request in either_fal.requests:
        await async_until(request.gone.is_set)
    await check_unharmed(either_fal, client)
