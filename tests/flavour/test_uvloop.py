"""uvloop, whose transports are not those of asyncio."""

from __future__ import annotations

import pytest

from fal_stream import AsyncStreamingClient, StreamInterrupted
from fal_stream.testing import Cut, Hang, LocalFal
from tests.concurrency import async_until

pytest.importorskip("uvloop")

pytestmark = pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})])


async def test_streams(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, 2])
    either_fal.add("acme/cut", [1, Cut()])
    either_fal.add("acme/hanging", [1, Hang()])
    async with AsyncStreamingClient(**either_fal.settings, start_timeout=20) as client:
        big = "x" * 2_000_000
        for _ in range(3):
            stream = client.stream("acme/app", input={"text": big})
            assert [chunk async for chunk in stream] == [1, 2]
        assert len({request.peer for request in either_fal.requests}) == 1
        with pytest.raises(StreamInterrupted):
            await client.stream("acme/cut").done()
        stream = client.stream("acme/hanging")
        assert await anext(stream) == 1
        stream.abort()
        assert await stream.done() == 1
        await async_until(either_fal.requests[-1].gone.is_set)
        assert await client.stream("acme/app").done() == 2
