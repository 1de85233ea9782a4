"""What type checkers say of the testing kit: read by them, never run."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import assert_type

from fal_stream import AsyncFalStream, AsyncStreamingClient, FalStream, StreamingClient
from fal_stream.testing import LocalFal, RecordedRequest, Reply, in_turn, record, replay


def recorded(client: StreamingClient, path: Path) -> None:
    assert_type(record(client.stream("acme/app", output_type=int), path), FalStream[int])


async def recorded_async(client: AsyncStreamingClient) -> None:
    stream = client.stream("acme/app", output_type=str)
    assert_type(record(stream, "stream.jsonl"), AsyncFalStream[str])
    assert_type(await stream.done(), str | None)


def scripts(local_fal: LocalFal) -> None:
    assert_type(replay("stream.jsonl", pace=0.5), Reply)
    local_fal.add("acme/app", in_turn(replay("stream.jsonl"), [1], lambda request: [request.input]))
    assert_type(local_fal.requests_to("acme/app"), list[RecordedRequest])
    assert_type(local_fal.environment, dict[str, str])
