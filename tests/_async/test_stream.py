"""The main job: chunks in order, in every way to ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fal_stream import AsyncStreamingClient
from fal_stream.testing import LocalFal, tokens


@pytest.fixture
async def client(fal: LocalFal) -> AsyncIterator[AsyncStreamingClient]:
    async with AsyncStreamingClient(**fal.settings) as client:
        yield client


async def test_chunks_come_in_order(fal: LocalFal, client: AsyncStreamingClient) -> None:
    chunks: list[Any] = [0, "", False, None, {"a": [1, 2.5]}, [], 1]
    fal.add("acme/values", chunks)
    assert [chunk async for chunk in client.stream("acme/values")] == chunks


async def test_done_gives_the_last_chunk(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", tokens("to be or not", pause=0))
    stream = client.stream("acme/llm")
    assert await stream.done() == {"output": "to be or not", "partial": False}
    assert await stream.done() == {"output": "to be or not", "partial": False}
