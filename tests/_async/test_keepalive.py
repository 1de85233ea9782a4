"""Idle connections: how long they are kept, and connections that are opened in advance."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fal_stream import AsyncStreamingClient, ConfigError, StreamConnectionError, StreamTimeout
from tests.concurrency import AsyncJob, async_until
from tests.faults.servers import RawServer
from tests.flavour.pools import pools_of
from tests.sockets import MuteServer

ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\ndata: 1\n\n"
)


class Ends:
    """Answers each request, and counts the connections that have ended."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, client: socket.socket) -> None:
        while client.recv(10_000):
            client.sendall(ANSWER)
        self.count += 1


async def test_it_is_closed_without_a_next_request() -> None:
    ends = Ends()
    with RawServer(ends) as server:
        async with AsyncStreamingClient(
            run_url=f"http://{server.address}", credentials="a:b", keepalive_expiry=0.1
        ) as client:
            assert await client.stream("acme/app").done() == 1
            assert await client.stream("acme/app").done() == 1
            await async_until(lambda: ends.count == 1)
            assert server.connected == 1
            assert [pool.idle for pool in pools_of(client)] == [[]]
            assert await client.stream("acme/app").done() == 1
            await async_until(lambda: ends.count == 2)


async def test_none_is_kept_for_no_time() -> None:
    ends = Ends()
    with RawServer(ends) as server:
        async with AsyncStreamingClient(
            run_url=f"http://{server.address}", credentials="a:b", keepalive_expiry=0
        ) as client:
            assert await client.stream("acme/app").done() == 1
            await async_until(lambda: ends.count == 1)
            assert await client.stream("acme/app").done() == 1
            await async_until(lambda: ends.count == 2)


@pytest.mark.parametrize("value", [-1, "5", None, float("nan"), True])
async def test_odd_values(value: object) -> None:
    with pytest.raises(ConfigError, match="keepalive_expiry="):
        AsyncStreamingClient(credentials="a:b", keepalive_expiry=value)  # type: ignore[arg-type]


@pytest.fixture(params=["plain", "tls"])
def server(request: pytest.FixtureRequest) -> Iterator[RawServer]:
    """A server that counts how many connections have ended, as `ends`."""
    context = request.getfixturevalue("tls_context") if request.param == "tls" else None
    with RawServer(Ends(), context) as server:
        yield server


def settings_of(server: RawServer) -> dict[str, Any]:
    scheme = "http" if server.context is None else "https"
    return {"run_url": f"{scheme}://{server.address}", "credentials": "a:b"}


async def test_a_client_that_is_collected_closes_them(server: RawServer) -> None:
    async def use() -> None:
        client = AsyncStreamingClient(**settings_of(server), keepalive_expiry=1000)
        assert await client.stream("acme/app").done() == 1

    for number in range(3):
        await use()
        gc.collect()
        await async_until(lambda: server.play.count == number + 1)  # noqa: B023


async def test_closing_the_client_closes_them(server: RawServer) -> None:
    async with AsyncStreamingClient(**settings_of(server), keepalive_expiry=1000) as client:
        assert await client.stream("acme/app").done() == 1
    await async_until(lambda: server.play.count == 1)


async def test_preconnect(server: RawServer) -> None:
    async with AsyncStreamingClient(**settings_of(server)) as client:
        await client.preconnect()
        await async_until(lambda: server.connected == 1)
        assert [len(pool.idle) for pool in pools_of(client)] == [1]
        await client.preconnect()  # there is one already
        assert await client.stream("acme/app").done() == 1
        assert server.connected == 1


async def test_a_stream_that_starts_meanwhile_takes_it(tls_context: ssl.SSLContext) -> None:
    go_on = threading.Event()

    def play(client: socket.socket) -> None:
        assert go_on.wait(20)
        with tls_context.wrap_socket(client, server_side=True) as secure:
            while secure.recv(10_000):
                secure.sendall(ANSWER)

    with RawServer(play) as server:
        async with AsyncStreamingClient(
            run_url=f"https://{server.address}", credentials="a:b"
        ) as client:
            opening = AsyncJob(client.preconnect)
            await async_until(lambda: server.connected == 1)
            reading = AsyncJob(client.stream("acme/app").done)
            go_on.set()
            assert await reading.result() == 1
            await opening.result()
            assert server.connected == 1


async def test_a_stream_whose_preconnect_fails_opens_its_own() -> None:
    go_on = threading.Event()
    played: list[int] = []

    def play(client: socket.socket) -> None:
        played.append(1)
        if len(played) == 1:
            assert go_on.wait(20)
            return  # closed in the middle of CONNECT
        client.recv(10_000)
        client.sendall(b"HTTP/1.1 403 No\r\n\r\n")

    with RawServer(play) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("https_proxy", f"http://{proxy.address}")
        async with AsyncStreamingClient(
            run_url="https://far.example", credentials="a:b", retry=None
        ) as client:
            opening = AsyncJob(client.preconnect)
            await async_until(lambda: len(played) == 1)
            reading = AsyncJob(client.stream("acme/app", headers={"authorization": "x"}).done)
            go_on.set()
            with pytest.raises(StreamConnectionError, match=r"closed the connection|reset"):
                await opening.result()
            with pytest.raises(StreamConnectionError, match="403 No"):
                await reading.result()


async def test_preconnect_fails_as_a_stream_would(mute: MuteServer) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with AsyncStreamingClient(run_url=url, credentials="a:b") as client:
            with pytest.raises(StreamConnectionError, match=r"No answer came from .*refused"):
                await client.preconnect()
    with pytest.raises(ConfigError, match="closed"):
        await client.preconnect()
    async with AsyncStreamingClient(
        run_url=f"https://{mute.address}", credentials="a:b", start_timeout=0.1
    ) as client:
        with pytest.raises(StreamTimeout, match="start_timeout"):
            await client.preconnect()
    await async_until(lambda: mute.abandoned)


async def test_preconnect_ends_with_its_client(mute: MuteServer) -> None:
    client = AsyncStreamingClient(run_url=f"https://{mute.address}", credentials="a:b")
    job = AsyncJob(client.preconnect)
    await async_until(lambda: mute.connected == 1)
    await client.aclose()
    with pytest.raises(StreamConnectionError, match="its client was closed"):
        await job.result()
    await async_until(lambda: mute.abandoned)


async def test_preconnect_by_an_http_client_of_ones_own() -> None:
    async with (
        httpx.AsyncClient() as http_client,
        AsyncStreamingClient(credentials="a:b", http_client=http_client) as client,
    ):
        with pytest.raises(ConfigError, match="http_client"):
            await client.preconnect()
