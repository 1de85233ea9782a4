"""What `stream_map` gives, as type checkers see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from typing_extensions import TypedDict, assert_type

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    AsyncStreamMap,
    FalStream,
    MapItem,
    StreamingClient,
    StreamMap,
)


class Progress(TypedDict):
    step: int


class Prompt(TypedDict):
    prompt: str


async def count_async(stream: AsyncFalStream[Any]) -> int:
    return len([chunk async for chunk in stream])


def count(stream: FalStream[Any]) -> int:
    return len(list(stream))


async def prompts() -> AsyncIterator[Prompt]:
    yield {"prompt": "a fox"}


def blocking(client: StreamingClient, inputs: list[Prompt]) -> None:
    plain = client.stream_map("acme/app", inputs, timeout=3)
    assert_type(plain, StreamMap[Prompt, Any])
    typed = client.stream_map("acme/app", inputs, output_type=Progress, ordered=True)
    assert_type(typed, StreamMap[Prompt, Progress | None])
    read = client.stream_map("acme/app", inputs, read=count, concurrency=4)
    assert_type(read, StreamMap[Prompt, int])
    for item in read:
        assert_type(item, MapItem[Prompt, int])
        assert_type(item.result, int | None)
        assert_type(item.get(), int)
        assert_type(item.input, Prompt)


async def asynchronous(client: AsyncStreamingClient, inputs: list[Prompt]) -> None:
    plain = client.stream_map("acme/app", prompts())
    assert_type(plain, AsyncStreamMap[Prompt, Any])
    read = client.stream_map("acme/app", inputs, read=count_async)
    assert_type(read, AsyncStreamMap[Prompt, int])
    last = client.stream_map("acme/app", inputs, read=lambda stream: stream.done())
    assert_type(last, AsyncStreamMap[Prompt, Any | None])
    async with read as results:
        async for item in results:
            assert_type(item, MapItem[Prompt, int])
