"""A real `fal.App` through the client."""

from __future__ import annotations

import pytest

from fal_stream import (
    AsyncStreamingClient,
    IncompleteStream,
    NotFoundError,
    StreamInterrupted,
    ValidationError,
)

KEY = "local-id:local-secret"
CHUNKS = [
    {"prompt": "a fox", "step": 1, "progress": 0.5},
    {"prompt": "a fox", "step": 2, "progress": 1.0},
]
INPUT = {"prompt": "a fox", "steps": 2}


async def test_every_chunk_arrives(demo_url: str) -> None:
    async with (
        AsyncStreamingClient(credentials=KEY) as client,
        client.stream("acme/demo", url=f"{demo_url}/stream", input=INPUT) as stream,
    ):
        assert [chunk async for chunk in stream] == CHUNKS
        assert await stream.done() == CHUNKS[-1]


async def test_a_bad_input_names_its_fields(demo_url: str) -> None:
    async with AsyncStreamingClient(credentials=KEY) as client:
        stream = client.stream("acme/demo", url=f"{demo_url}/stream", input={"steps": 99})
        with pytest.raises(ValidationError) as caught:
            await stream.done()
    error = caught.value
    assert error.status == 422
    assert [entry.loc for entry in error.field_errors] == [("body", "prompt"), ("body", "steps")]
    assert [entry["type"] for entry in error.get_field_errors("prompt")] == ["missing"]


async def test_an_unknown_path_is_not_found(demo_url: str) -> None:
    async with AsyncStreamingClient(credentials=KEY) as client:
        stream = client.stream("acme/demo", url=f"{demo_url}/nowhere/stream", input=INPUT)
        with pytest.raises(NotFoundError, match="Path /nowhere/stream not found") as caught:
            await stream.done()
    assert caught.value.status == 404


async def test_a_stream_that_dies_delivers_what_it_had(demo_url: str) -> None:
    # The framework ends such a stream in due form, with status 200: nothing tells it apart.
    async with (
        AsyncStreamingClient(credentials=KEY) as client,
        client.stream("acme/demo", url=f"{demo_url}/dying/stream", input=INPUT) as stream,
    ):
        assert [chunk async for chunk in stream] == CHUNKS
        assert await stream.done() == CHUNKS[-1]


async def test_a_stream_that_is_cut_is_interrupted(demo_url: str) -> None:
    async with AsyncStreamingClient(credentials=KEY) as client:
        stream = client.stream("acme/demo", url=f"{demo_url}/cut/stream", input=INPUT)
        with pytest.raises(StreamInterrupted) as caught:
            await stream.done()
    assert caught.value.chunks_received == len(stream.buffer) == 2


async def test_is_final_finds_a_stream_that_died(demo_url: str) -> None:
    async with AsyncStreamingClient(credentials=KEY) as client:
        stream = client.stream(
            "acme/demo",
            url=f"{demo_url}/dying/stream",
            input=INPUT,
            is_final=lambda chunk: chunk["progress"] > 1,
        )
        with pytest.raises(IncompleteStream):
            await stream.done()
