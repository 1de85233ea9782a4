"""The end of a stream: `is_final`, and errors that the app reports inside the stream."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from fal_stream import (
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    IncompleteStream,
    StreamEventError,
)
from fal_stream.testing import (
    DONE,
    Cut,
    Event,
    Hang,
    LocalFal,
    Pause,
    Raw,
    Reply,
    tokens,
    workflow,
)
from fal_stream.workflows import (
    CompletionEvent,
    ErrorEvent,
    OtherEvent,
    OutputEvent,
    SubmitEvent,
    WorkflowEvent,
)

from .read_stream import Outcome, read


def is_whole(chunk: Any) -> bool:
    return not chunk["partial"]


async def test_the_last_chunk_ends_the_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [*tokens("to be", pause=0), Hang()])
    heard: list[Any] = []
    stream = client.stream("acme/llm", is_final=is_whole, timeout=30).on("done", heard.append)
    last = {"output": "to be", "partial": False}
    assert await read(stream) == ([{"output": "to ", "partial": True}, last], None)
    assert await stream.done() == last
    assert heard == [last]
    assert stream.closed
    assert fal.requests[0].gone.wait(5)


async def test_what_follows_the_last_chunk_is_not_read(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply([1, 2, 3, Raw(b"data: {\n\n"), Cut()], coalesce=True))
    assert await read(client.stream("acme/app", is_final=lambda chunk: chunk == 2)) == (
        [1, 2],
        None,
    )


async def test_a_stream_without_its_last_chunk_is_incomplete(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    for ending in ([], [Raw(b"data: [DONE]\n\n")]):
        fal.add("acme/app", [1, 2, *ending])
        stream = client.stream("acme/app", is_final=lambda chunk: False)
        chunks, error = await read(stream)
        assert chunks == [1, 2]
        assert isinstance(error, IncompleteStream)
        assert error.chunks_received == 2
        assert "is_final held for none of them" in str(error)
        with pytest.raises(IncompleteStream):
            await stream.done()


async def test_an_empty_stream_is_incomplete(fal: LocalFal, client: AsyncStreamingClient) -> None:
    for reply in (Reply([]), Reply([], status=204), Reply([], content_type="audio/wav")):
        fal.add("acme/app", reply)
        _, error = await read(client.stream("acme/app", is_final=lambda chunk: True))
        assert isinstance(error, IncompleteStream)


async def test_the_connection_is_used_again_after_the_last_chunk(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply([1], framing="length"))
    for _ in range(2):
        assert await client.stream("acme/app", is_final=lambda chunk: True).done() == 1
    assert fal.requests[0].peer == fal.requests[1].peer


async def test_is_final_is_given_what_iteration_gives(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    class Tokens(pydantic.BaseModel):
        output: str
        partial: bool

    seen: list[Any] = []

    def note(chunk: Any) -> bool:
        seen.append(chunk)
        return not chunk.partial

    fal.add("acme/llm", tokens("to be", pause=0))
    stream = client.stream("acme/llm", is_final=note, output_type=Tokens)
    assert [chunk async for chunk in stream] == seen
    assert seen[-1] == Tokens(output="to be", partial=False)


async def test_the_last_piece_of_a_sound(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply([b"ab", Pause(0.1), b"END", Hang()], content_type="audio/wav"))
    stream = client.stream("acme/app", is_final=lambda piece: piece.endswith(b"END"))
    assert b"".join([piece async for piece in stream]) == b"abEND"


async def test_is_final_that_raises(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [{"a": 1}, {"b": 2}])
    chunks, error = await read(client.stream("acme/app", is_final=lambda chunk: chunk["a"] > 1))
    assert chunks == [{"a": 1}, {"b": 2}]
    assert isinstance(error, FalStreamError)
    assert "is_final raised KeyError for chunk 1" in str(error)
    assert isinstance(error.__cause__, KeyError)


async def test_raw_events_have_no_last_one(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2])
    stream = client.stream("acme/app", is_final=lambda chunk: False)
    assert [event.data async for event in stream.events()] == ["1", "2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"is_final": True}, "is_final=True can't be called"),
        ({"raise_error_events": "no"}, "raise_error_events='no' must be True or False"),
    ],
)
async def test_bad_options(
    client: AsyncStreamingClient, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        client.stream("acme/app", **options)


# Errors inside the stream.

ERROR = {"type": "error", "status": 422, "message": "bad prompt", "body": {"detail": "x"}}


async def test_an_error_of_a_workflow(fal: LocalFal, client: AsyncStreamingClient) -> None:
    submit = {"type": "submit", "node_id": "n", "app_id": "acme/app", "request_id": "r"}
    fal.add("workflows/acme/flow", [submit, ERROR, {"type": "output", "output": 1}])
    chunks, error = await read(client.stream("workflows/acme/flow"))
    assert chunks == [submit]
    assert isinstance(error, StreamEventError)
    assert error.data == ERROR
    assert "bad prompt" in str(error)


async def test_an_error_of_a_typed_workflow(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("workflows/acme/flow", [{"type": "submit"}, ERROR])
    stream = client.stream("workflows/acme/flow", output_type=dict[str, str])
    chunks, error = await read(stream)
    assert chunks == [{"type": "submit"}]
    assert isinstance(error, StreamEventError)


@pytest.mark.parametrize(
    "chunk", [{"type": "completion", "output": {"type": "error"}}, ["error"], "error", {"error": 1}]
)
async def test_what_is_no_error_of_a_workflow(
    fal: LocalFal, client: AsyncStreamingClient, chunk: Any
) -> None:
    fal.add("workflows/acme/flow", [chunk])
    stream = client.stream("workflows/acme/flow", is_final=None)
    assert await read(stream) == Outcome([chunk], None)


async def test_apps_may_send_what_is_an_error_in_a_workflow(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [ERROR, 2])
    assert await read(client.stream("acme/app")) == Outcome([ERROR, 2], None)


async def test_errors_as_chunks(fal: LocalFal, client: AsyncStreamingClient) -> None:
    script = [1, Event('{"x": 1}', event="error"), ERROR, 2]
    for endpoint_id in ("acme/app", "workflows/acme/flow"):
        fal.add(endpoint_id, script)
        stream = client.stream(endpoint_id, raise_error_events=False)
        assert await read(stream) == Outcome([1, {"x": 1}, ERROR, 2], None)


# Workflows, whose last chunk is known.


async def test_a_workflow_ends_with_its_output(fal: LocalFal, client: AsyncStreamingClient) -> None:
    events = workflow({"seed": 7}, pause=0)
    fal.add("workflows/acme/flow", [*events, {"type": "submit"}, Hang()])
    stream = client.stream("workflows/acme/flow", timeout=30)
    assert await read(stream) == Outcome(events, None)
    assert await stream.done() == events[-1]
    assert stream.closed


async def test_the_output_of_a_workflow_is_told_by_its_text(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    class Sticker(pydantic.BaseModel):
        output: dict[str, int] = {}

    nodes = {"one": "acme/app"}
    script = workflow({"seed": 7}, pause=0, nodes=nodes, results={"one": {"type": 1}})
    fal.add("workflows/acme/flow", [*script, Hang()])
    stream = client.stream("workflows/acme/flow", output_type=Sticker, timeout=30)
    outputs = [chunk.output async for chunk in stream]
    assert outputs == [{}, {"type": 1}, {"seed": 7}]


async def test_a_workflow_without_its_output_is_incomplete(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    begun = workflow(pause=0)[:-1]
    nested = {"type": "completion", "node_id": "n", "output": {"type": "output"}}
    other = Event('{"type": "progress"}', event="error")
    scripts: list[tuple[list[Any], list[Any], bool]] = [
        (begun, begun, True),
        ([*begun, DONE], begun, True),
        ([], [], True),
        ([nested, ["output"], "output"], [nested, ["output"], "output"], True),
        ([ERROR], [ERROR], False),
        ([other], [{"type": "progress"}], False),
    ]
    for script, chunks, is_incomplete in scripts:
        fal.add("workflows/acme/flow", script)
        stream = client.stream("workflows/acme/flow", raise_error_events=False)
        read_chunks, error = await read(stream)
        assert read_chunks == chunks
        assert isinstance(error, IncompleteStream) is is_incomplete
        if error is not None:
            assert "without the output event of its workflow" in str(error)
        stream = client.stream("workflows/acme/flow", is_final=None, raise_error_events=False)
        assert await read(stream) == Outcome(chunks, None)


async def test_is_final_of_ones_own_for_a_workflow(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    output = {"type": "output", "output": 1}
    fal.add("workflows/acme/flow", [output, 2, 3, Hang()])
    stream = client.stream("workflows/acme/flow", is_final=lambda chunk: chunk == 3, timeout=30)
    assert await read(stream) == Outcome([output, 2, 3], None)


async def test_an_app_may_send_what_is_the_end_of_a_workflow(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    script = [{"type": "output", "output": 1}, 2]
    for endpoint_id in ("acme/app", "comfy/acme/flow"):
        fal.add(endpoint_id, script)
        assert await read(client.stream(endpoint_id)) == Outcome(script, None)


async def test_raw_events_of_a_workflow(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("workflows/acme/flow", workflow(pause=0)[:-1])
    events = [event async for event in client.stream("workflows/acme/flow").events()]
    assert len(events) == 4


async def test_the_events_of_a_workflow(fal: LocalFal, client: AsyncStreamingClient) -> None:
    unknown = {"type": "progress", "percent": 50}
    script = [unknown, *workflow({"seed": 7}, pause=0, nodes={"one": "acme/app"})]
    script[1]["added"] = "later"
    fal.add("workflows/acme/flow", script)
    stream = client.stream("workflows/acme/flow", output_type=WorkflowEvent)
    other, submit, completion, output = [event async for event in stream]
    assert isinstance(other, OtherEvent)
    assert other.model_dump() == unknown
    assert isinstance(submit, SubmitEvent)
    assert (submit.node_id, submit.app_id) == ("one", "acme/app")
    assert submit.model_dump()["added"] == "later"
    assert isinstance(completion, CompletionEvent)
    assert completion.output == {"output": "What one gave"}
    assert isinstance(output, OutputEvent)
    assert output.output == {"seed": 7}
    assert await stream.done() == output


async def test_a_failure_among_the_events_of_a_workflow(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("workflows/acme/flow", workflow(pause=0, failed="picture"))
    stream = client.stream(
        "workflows/acme/flow", output_type=WorkflowEvent, raise_error_events=False
    )
    events, error = await read(stream)
    assert error is None
    assert isinstance(events[-1], ErrorEvent)
    assert (events[-1].node_id, events[-1].message) == ("picture", "The node picture failed")
