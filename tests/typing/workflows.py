"""The events of a workflow, in both flavours."""

from __future__ import annotations

from typing import Any

from typing_extensions import assert_type

from fal_stream import AsyncFalStream, AsyncStreamingClient, FalStream, StreamingClient
from fal_stream.workflows import (
    CompletionEvent,
    ErrorEvent,
    OtherEvent,
    OutputEvent,
    SubmitEvent,
    WorkflowEvent,
)


def blocking(client: StreamingClient) -> None:
    stream = client.stream("workflows/a/b", output_type=WorkflowEvent)
    assert_type(
        stream, FalStream[SubmitEvent | CompletionEvent | ErrorEvent | OutputEvent | OtherEvent]
    )
    for event in stream:
        match event:
            case SubmitEvent():
                assert_type(event.node_id, str)
                assert_type(event.app_id, str | None)
            case CompletionEvent() | OutputEvent():
                assert_type(event.output, Any)
            case ErrorEvent():
                assert_type(event.message, str | None)
            case _:
                assert_type(event.type, Any)
    last = stream.done()
    if isinstance(last, OutputEvent):
        assert_type(last.node_id, str | None)


async def asynchronous(client: AsyncStreamingClient) -> None:
    stream = client.stream("workflows/a/b", output_type=WorkflowEvent)
    assert_type(
        stream,
        AsyncFalStream[SubmitEvent | CompletionEvent | ErrorEvent | OutputEvent | OtherEvent],
    )
    async for event in stream:
        if isinstance(event, SubmitEvent):
            assert_type(event.request_id, str | None)
        elif isinstance(event, OutputEvent):
            assert_type(event.output, Any)


def annotated(event: WorkflowEvent) -> str:
    return event.node_id if isinstance(event, (SubmitEvent, CompletionEvent)) else ""
