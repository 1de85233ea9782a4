"""An HTTP client of the user's whose readers are cancelled."""

from __future__ import annotations

import asyncio

import anyio
import httpx
import pytest

from fal_stream import AsyncStreamingClient, StreamInterrupted
from fal_stream.testing import Hang, LocalFal, Pause
from tests.seam import async_until


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_read_that_was_cancelled_is_no_end(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Pause(1), 2, 3])
    async with (
        httpx.AsyncClient(trust_env=False) as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        stream = client.stream("acme/app")
        assert await anext(stream) == 1
        async with anyio.create_task_group() as waiting:

            async def wait_for_it() -> None:
                with pytest.raises(StreamInterrupted, match="was cancelled"):
                    await stream.done()

            async with anyio.create_task_group() as reading:
                reading.start_soon(stream.done)
                await anyio.sleep(0.05)
                waiting.start_soon(wait_for_it)
                await anyio.sleep(0.05)
                reading.cancel_scope.cancel()
        assert stream.closed
        await async_until(fal.requests[0].gone.is_set)
        assert await client.stream("acme/app").done() == 3


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_at_each_turn_of_closing(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    async with (
        httpx.AsyncClient(trust_env=False) as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        pool = http_client._transport._pool  # type: ignore[attr-defined]
        for turns in range(12):
            stream = client.stream("acme/app")
            assert await anext(stream) == 1
            task = asyncio.create_task(stream.aclose())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await stream.aclose()
            await async_until(lambda: not pool._requests)
