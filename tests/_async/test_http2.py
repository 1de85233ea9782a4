"""An HTTP client of the user's that speaks HTTP/2: streams share a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream import AsyncStreamingClient, StreamTimeout
from tests.concurrency import AsyncJob, async_sleep, async_until

pytest.importorskip("h2")

from tests.http2 import Http2Server


@pytest.fixture
def server() -> Iterator[Http2Server]:
    """A server that speaks HTTP/2."""
    with Http2Server() as server:
        yield server


@pytest.fixture(params=["httpx", "httpx2"])
async def client(request: pytest.FixtureRequest, server: Http2Server) -> Any:
    """A client that sends by HTTP/2."""
    package = pytest.importorskip(request.param)
    async with (
        package.AsyncClient(http1=False, http2=True) as http_client,
        AsyncStreamingClient(
            run_url=f"http://{server.address}", retry=None, http_client=http_client
        ) as client,
    ):
        yield client


async def asked(server: Http2Server, count: int) -> str:
    """Wait until so many paths were asked for; give the last one."""
    await async_until(lambda: len(server.asked) == count)
    return server.asked[-1]


async def test_a_stream(server: Http2Server, client: AsyncStreamingClient) -> None:
    for number in range(2):
        job = AsyncJob(client.stream("acme/app", path=f"/{number}").done)
        path = await asked(server, number + 1)
        server.send(path, b"data: 1\n\ndata: 2\n")
        server.send(path, b"\n", end=True)
        assert await job.result() == 2
    assert server.connected == 1


# trio says that the generators of httpx were dropped too, and so they were.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("end", ["abort", "close", "limit", "drop"])
async def test_the_next_after_one_that_ended_early(
    server: Http2Server, client: AsyncStreamingClient, end: str
) -> None:
    for number in range(2):
        limit = 0.3 if end == "limit" else None
        stream = client.stream("acme/app", path=f"/{number}", timeout=limit)
        job = AsyncJob(stream.__anext__)
        server.send(await asked(server, number + 1), b"data: 1\n\n")
        assert await job.result() == 1
        if end == "drop":
            with pytest.warns(ResourceWarning, match="was dropped"):
                del job, stream
            continue
        if end in ("abort", "close"):
            done = AsyncJob(stream.done)
            await async_sleep(0.05)
            if end == "abort":
                stream.abort()
            else:
                await stream.aclose()
            await done.result()
        else:
            with pytest.raises(StreamTimeout):
                await stream.done()
        await stream.aclose()
    job = AsyncJob(client.stream("acme/app", path="/last").done)
    server.send(await asked(server, 3), b"data: 2\n\n", end=True)
    assert await job.result() == 2
