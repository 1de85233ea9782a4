"""The type of a chunk follows `output_type`, in both flavours."""

from __future__ import annotations

from typing import Any

import pydantic
from typing_extensions import TypedDict, assert_type

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    FalStream,
    StreamingClient,
    stream,
    stream_async,
)


class Text(pydantic.BaseModel):
    output: str


class Progress(TypedDict):
    progress: float


def blocking(client: StreamingClient, aclient: AsyncStreamingClient) -> None:
    assert_type(client.stream("a/b", output_type=Text), FalStream[Text])
    assert_type(client.stream("a/b", output_type=Progress), FalStream[Progress])
    assert_type(client.stream("a/b", output_type=Text | Progress), FalStream[Text | Progress])
    assert_type(client.stream("a/b", output_type=list[Text]), FalStream[list[Text]])
    assert_type(client.stream("a/b"), FalStream[Any])
    assert_type(client.stream("a/b", output_type=None), FalStream[Any])
    assert_type(aclient.stream("a/b", output_type=Text), AsyncFalStream[Text])
    assert_type(stream("a/b", output_type=Text | None), FalStream[Text | None])
    for chunk in client.stream("a/b", output_type=Text):
        assert_type(chunk, Text)
    assert_type(client.stream("a/b", output_type=Text).done(), Text | None)
    assert_type(client.stream("a/b", output_type=Text).show(), Text | None)
    for piece in client.stream("a/b", output_type=Text).text(lambda chunk: chunk.output):
        assert_type(piece, str)
    assert_type(client.stream("a/b").final_text("reasoning", cumulative=True), str)
    client.stream("a/b", output_type=Text).text(lambda chunk: chunk.text)  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]
    client.stream("a/b").text(3)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]


async def asynchronous(client: AsyncStreamingClient) -> None:
    s = await client.stream("a/b", output_type=Text)
    assert_type(s, AsyncFalStream[Text])
    async for chunk in s:
        assert_type(chunk, Text)
    async with stream_async("a/b", output_type=Text) as t:
        assert_type(t, AsyncFalStream[Text])
        assert_type(await t.done(), Text | None)
        assert_type(await t.show(), Text | None)
        async for piece in t.text():
            assert_type(piece, str)
        assert_type(await t.final_text(lambda chunk: chunk.output), str)
