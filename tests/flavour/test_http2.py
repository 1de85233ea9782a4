"""Streams that share a connection of HTTP/2: only where there are tasks, not threads.

In the blocking flavour, httpx lets whoever has the connection read until its own event comes, and
the others wait.
"""

from __future__ import annotations

import pytest

from fal_stream import AsyncStreamingClient, StreamTimeout
from tests.concurrency import AsyncJob, async_until

pytest.importorskip("h2")

from tests.http2 import Http2Server


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("end", ["abort", "close", "limit"])
async def test_a_stream_beside_one_that_ends_early(library: str, end: str) -> None:
    package = pytest.importorskip(library)
    with Http2Server() as server:
        async with (
            package.AsyncClient(http1=False, http2=True) as http_client,
            AsyncStreamingClient(
                run_url=f"http://{server.address}", retry=None, http_client=http_client
            ) as client,
        ):
            stays = client.stream("acme/app", path="/stays")
            limit = 0.3 if end == "limit" else None
            goes = client.stream("acme/app", path="/goes", timeout=limit)
            staying, going = AsyncJob(stays.done), AsyncJob(goes.done)
            await async_until(lambda: len(server.asked) == 2)
            for path in server.asked:
                server.send(path, b"data: 1\n\n")
            await async_until(lambda: stays.current_data == goes.current_data == 1)
            if end == "abort":
                goes.abort()
                await going.result()
            elif end == "limit":
                with pytest.raises(StreamTimeout):
                    await going.result()
            else:
                await goes.aclose()
                await going.result()
            (path,) = (path for path in server.asked if "stays" in path)
            server.send(path, b"data: 2\n\n")
            await async_until(lambda: stays.current_data == 2)
            server.send(path, b"data: 3\n\n", end=True)
            assert await staying.result() == 3
        assert server.connected == 1
