"""`output_type`: chunks as models, typed dicts, unions."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any, Literal

import pydantic
import pytest
from typing_extensions import TypedDict, assert_type

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    ConfigError,
    IncompleteStream,
    OutputValidationError,
    StreamDecodeError,
)
from fal_stream.testing import Event, LocalFal, Raw, Reply, tokens

from .read_stream import Outcome, read


class Tokens(pydantic.BaseModel):
    output: str
    partial: bool = False


class Progress(TypedDict):
    progress: float


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Kind(enum.Enum):
    A = "a"


class Submit(pydantic.BaseModel):
    type: Literal["submit"]
    node_id: str


class Output(pydantic.BaseModel):
    type: Literal["output"]
    output: Any


WorkflowEvent = Annotated[Submit | Output, pydantic.Field(discriminator="type")]


async def test_models(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", tokens("to be", pause=0))
    stream = client.stream("acme/llm", output_type=Tokens)
    assert_type(stream, AsyncFalStream[Tokens])
    assert [chunk async for chunk in stream] == [
        Tokens(output="to ", partial=True),
        Tokens(output="to be"),
    ]
    last = await stream.done()
    assert last is not None
    assert last.output == "to be"


@pytest.mark.parametrize(
    ("output_type", "sent", "chunks"),
    [
        (Progress, [{"progress": 0.5}], [{"progress": 0.5}]),
        (int | str, [1, "a"], [1, "a"]),
        (Tokens | Progress, [{"progress": 1}], [{"progress": 1.0}]),
        (
            WorkflowEvent,
            [{"type": "submit", "node_id": "n"}, {"type": "output", "output": 3}],
            [Submit(type="submit", node_id="n"), Output(type="output", output=3)],
        ),
        (list[Point], [[{"x": 1}, {"x": 2, "y": 3}]], [[Point(1), Point(2, 3)]]),
        (Kind, ["a"], [Kind.A]),
        (Literal["a", "b"], ["b"], ["b"]),
        (str | None, ["", None], ["", None]),
        (dict[str, int], [{"a": 1}], [{"a": 1}]),
        (Any, [{"a": [0]}], [{"a": [0]}]),
        (bool, [False, True], [False, True]),
        (None, [0, ""], [0, ""]),
    ],
    ids=repr,
)
async def test_each_type_form(
    fal: LocalFal,
    client: AsyncStreamingClient,
    output_type: Any,
    sent: list[Any],
    chunks: list[Any],
) -> None:
    fal.add("acme/app", sent)
    assert await read(client.stream("acme/app", output_type=output_type)) == Outcome(chunks, None)


@pytest.mark.parametrize("coalesce", [False, True])
async def test_a_chunk_of_another_type(
    fal: LocalFal, client: AsyncStreamingClient, coalesce: bool
) -> None:
    bad = {"output": ["x"], "partial": "perhaps"}
    fal.add("acme/app", Reply([{"output": "a"}, bad, {"output": "c"}], coalesce=coalesce))
    chunks, error = await read(client.stream("acme/app", output_type=Tokens))
    assert chunks == [Tokens(output="a")]
    assert isinstance(error, OutputValidationError)
    assert error.index == 1
    assert error.raw == '{"output": ["x"], "partial": "perhaps"}'
    assert "Chunk 1 is not of the output_type: output: " in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
    assert error.request_id == fal.requests[0].request_id


async def test_a_chunk_that_is_no_json(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Event("{")])
    chunks, error = await read(client.stream("acme/app", output_type=int))
    assert chunks == [1]
    assert type(error) is StreamDecodeError
    assert (error.raw, error.index) == ("{", 1)


async def test_the_end_mark(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Event("[DONE]"), 2])
    assert await read(client.stream("acme/app", output_type=int)) == Outcome([1], None)


async def test_half_an_event(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [{"output": "a"}, Raw(b'data: {"output": "b"')])
    chunks, error = await read(client.stream("acme/app", output_type=Tokens))
    assert chunks == [Tokens(output="a")]
    assert isinstance(error, IncompleteStream)


@pytest.mark.parametrize("sent", ["\ud800", "plain"])
async def test_what_only_python_takes_for_json(
    fal: LocalFal, client: AsyncStreamingClient, sent: str
) -> None:
    fal.add("acme/app", [{"a": sent}])
    assert await client.stream("acme/app", output_type=dict[str, Any]).done() == {"a": sent}


async def test_the_type_is_of_chunks_not_of_binary_pieces(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply([b"abc"], content_type="audio/wav"))
    with pytest.raises(OutputValidationError, match="audio/wav, not an event stream"):
        await client.stream("acme/app", output_type=Tokens).done()
    assert await client.stream("acme/app", output_type=bytes).done() == b"abc"


@pytest.mark.parametrize("output_type", [3, "NoSuchName", "list[NoSuchName]", object(), [int], {}])
async def test_what_is_no_type(
    fal: LocalFal, client: AsyncStreamingClient, output_type: Any
) -> None:
    with pytest.raises(ConfigError, match="output_type="):
        client.stream("acme/app", output_type=output_type)
    assert fal.requests == []


@pytest.mark.parametrize("kind", [KeyError, StopIteration, RuntimeError, RecursionError])
async def test_a_validator_that_raises(
    fal: LocalFal, client: AsyncStreamingClient, kind: type[Exception]
) -> None:
    def validate(value: int) -> int:
        if value == 2:
            raise kind("boom")
        return value

    fal.add("acme/app", Reply([1, 2, 3], coalesce=True))
    stream = client.stream(
        "acme/app", output_type=Annotated[int, pydantic.AfterValidator(validate)]
    )
    chunks, error = await read(stream)
    assert chunks == [1]
    assert isinstance(error, StreamDecodeError)
    assert (error.raw, error.index) == ("2", 1)
