"""An error that the last chunk reports: who is told of it, and where it is data."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable
from typing import Any

import pydantic
import pytest

from fal_stream import AsyncStreamingClient, StreamEventError
from fal_stream.testing import DONE, Hang, LocalFal, chat_completion

FAILED = {"output": "Hi", "partial": False, "error": "out of memory"}


class Output(pydantic.BaseModel):
    output: str


async def take(items: AsyncIterable[Any], taken: list[Any]) -> None:
    """Take what comes, also where an error comes after it."""
    async for item in items:
        taken += [item]


@pytest.fixture(autouse=True)
def app(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "H", "partial": True}, FAILED])


async def test_it_is_raised_after_the_chunk(client: AsyncStreamingClient, fal: LocalFal) -> None:
    stream = client.stream("acme/llm")
    heard: list[Any] = []
    for type in ("data", "done", "error"):
        stream.on(type, heard.append)
    chunks: list[Any] = []
    with pytest.raises(StreamEventError) as caught:
        await take(stream, chunks)
    assert chunks == [{"output": "H", "partial": True}, FAILED]
    error = caught.value
    assert error.message == "The app reported an error in its last chunk: out of memory"
    assert error.data == FAILED
    assert (error.endpoint_id, error.request_id) == ("acme/llm", fal.requests[0].request_id)
    assert heard == [*chunks, error]
    assert stream.current_data == FAILED
    with pytest.raises(StreamEventError):
        await stream.done()
    assert stream.closed


@pytest.mark.parametrize("end", [[], [DONE], [{"choices": [], "usage": {}}, DONE]])
@pytest.mark.parametrize("output_type", [None, Output])
async def test_whatever_ends_the_stream(
    fal: LocalFal, client: AsyncStreamingClient, end: list[Any], output_type: Any
) -> None:
    if output_type is not None and len(end) == 2:
        end = [DONE]
    fal.add("acme/llm", [FAILED, *end])
    stream = client.stream("acme/llm", output_type=output_type)
    with pytest.raises(StreamEventError, match="out of memory"):
        await stream.done()
    assert stream.buffer[0] == (FAILED if output_type is None else Output(output="Hi"))


async def test_a_chat_that_fails(fal: LocalFal, client: AsyncStreamingClient) -> None:
    *chunks, usage, _ = chat_completion("Hi fox", pause=0)
    chunks[-1]["choices"][0].update(finish_reason="error", error={"message": "it is down"})
    fal.add("acme/llm", [*chunks, usage, DONE])
    pieces: list[Any] = []
    with pytest.raises(StreamEventError, match="in its last chunk: it is down"):
        await take(client.stream("acme/llm").text(), pieces)
    assert pieces == ["Hi ", "fox"]


async def test_in_the_middle_it_is_data(fal: LocalFal, client: AsyncStreamingClient) -> None:
    glitch = {"error": {"message": "a glitch"}, "recoverable": True}
    fal.add("acme/llm", [{"output": "H"}, glitch, {"done": True}])
    stream = client.stream("acme/llm")
    assert await stream.done() == {"done": True}
    assert list(stream.buffer) == [{"output": "H"}, glitch, {"done": True}]


async def test_it_can_be_left_to_the_reader(client: AsyncStreamingClient) -> None:
    assert await client.stream("acme/llm", raise_error_events=False).done() == FAILED
    events = [event.json() async for event in client.stream("acme/llm").events()]
    assert events[-1] == FAILED


async def test_with_is_final(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [FAILED, Hang()])
    stream = client.stream("acme/llm", is_final=lambda chunk: not chunk["partial"])
    with pytest.raises(StreamEventError, match="in its last chunk: out of memory"):
        await stream.done()


async def test_a_map_tells_of_it(client: AsyncStreamingClient) -> None:
    items = [item async for item in client.stream_map("acme/llm", [1, 2])]
    assert [type(item.error) for item in items] == [StreamEventError, StreamEventError]


async def test_the_log_tells_of_it(
    client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fal_stream")
    with pytest.raises(StreamEventError):
        await client.stream("acme/llm").done()
    (line,) = [r.getMessage() for r in caplog.records if r.getMessage().startswith("stream ")]
    assert "outcome=error chunks=2" in line
    assert "error=StreamEventError" in line


async def test_show_shows_what_came_and_raises(
    client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StreamEventError, match="out of memory"):
        await client.stream("acme/llm").show()
    assert "Hi" in capsys.readouterr().out


async def test_sound_is_given_first(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": "AAAA"}, {"error": {"message": "no voice"}}])
    sounds: list[Any] = []
    with pytest.raises(StreamEventError, match="no voice"):
        await take(client.stream("acme/tts").audio(), sounds)
    assert sounds == [b"\0\0\0"]
