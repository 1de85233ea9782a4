"""A stream that is shown runs to its end, and gives and raises what `done()` would."""

from __future__ import annotations

import io
import sys
from typing import Any

import pydantic
import pytest

from fal_stream import AsyncStreamingClient, StreamInterrupted, ValidationError
from fal_stream.testing import Cut, Failure, Hang, LocalFal, image_frames, tokens
from tests.concurrency import AsyncJob, async_until


class Text(pydantic.BaseModel):
    output: str


async def test_a_text(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    fal.add("acme/llm", tokens("to be or not", pause=0))
    stream = client.stream("acme/llm")
    assert await stream.show() == {"output": "to be or not", "partial": False}
    text, status = capsys.readouterr().out.splitlines()
    assert text == "to be or not"
    assert status.startswith("acme/llm: done, 4 chunks, ")
    assert stream.closed
    assert not stream.buffer
    assert await stream.done() == {"output": "to be or not", "partial": False}


async def test_typed_chunks(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    fal.add("acme/llm", tokens("to be", pause=0))
    assert await client.stream("acme/llm", output_type=Text).show() == Text(output="to be")
    assert capsys.readouterr().out.startswith("to be\n")


async def test_the_bytes_of_a_picture_are_not_printed(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    fal.add("acme/image", image_frames(3, pause=0))
    result = await client.stream("acme/image").show()
    assert result is not None
    assert result["seed"] == 42
    picture, status = capsys.readouterr().out.splitlines()
    assert picture.startswith("picture: image/png, ")
    assert status.startswith("acme/image: done, 100%, 3 chunks, ")


async def test_what_came_is_shown_before_the_error(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    fal.add("acme/llm", [{"output": "half an ans"}, Cut()])
    stream = client.stream("acme/llm")
    with pytest.raises(StreamInterrupted) as shown:
        await stream.show()
    with pytest.raises(StreamInterrupted) as done:
        await stream.done()
    assert shown.value is done.value
    text, status = capsys.readouterr().out.splitlines()
    assert text == "half an ans"
    assert status.startswith("acme/llm: failed, 1 chunk, ")


async def test_a_stream_that_does_not_start(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    detail = [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]
    fal.add("acme/llm", Failure(422, {"detail": detail}))
    with pytest.raises(ValidationError):
        await client.stream("acme/llm").show()
    assert "failed, 0 chunks" in capsys.readouterr().out


async def test_an_abort_gives_what_there_was(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    fal.add("acme/llm", [{"output": "half an ans"}, Hang()])
    stream = client.stream("acme/llm")
    job = AsyncJob(stream.show)
    await async_until(lambda: stream.current_data is not None)
    stream.abort()
    assert await job.result() == {"output": "half an ans"}
    assert "acme/llm: aborted, " in capsys.readouterr().out
    assert fal.requests[0].gone.wait(10)


async def test_a_stream_that_was_read_before(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    fal.add("acme/llm", tokens("to be or not", pause=0))
    stream = client.stream("acme/llm")
    chunks = [chunk async for chunk in stream]
    assert await stream.show() is chunks[-1]
    assert capsys.readouterr().out.startswith("to be or not\nacme/llm: done, 1 chunk, ")


async def test_a_stream_without_chunks(
    fal: LocalFal, client: AsyncStreamingClient, capsys: pytest.CaptureFixture[str]
) -> None:
    fal.add("acme/llm", [])
    assert await client.stream("acme/llm").show() is None
    assert capsys.readouterr().out.startswith("acme/llm: done, 0 chunks, ")


async def test_listeners_hear_of_each_chunk(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/values", [1, 2, 3])
    heard: list[Any] = []
    assert await client.stream("acme/values").on("data", heard.append).show() == 3
    assert heard == [1, 2, 3]


async def test_what_the_output_can_not_encode(
    fal: LocalFal, client: AsyncStreamingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fal.add("acme/llm", [{"output": "caf\u00e9 \u72d0 \ud83d"}])
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    assert await client.stream("acme/llm").show() == {"output": "caf\u00e9 \u72d0 \ud83d"}
    assert raw.getvalue().decode("latin-1").splitlines()[0] == "caf\u00e9 ? ?"


async def test_the_bundle_for_notebooks_needs_no_server(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/llm", tokens("to be", pause=0))
    stream = client.stream("acme/llm")
    assert stream._repr_mimebundle_()["text/plain"] == repr(stream)
    assert fal.requests == []
    await stream.done()
    assert ">to be</div>" in stream._repr_mimebundle_()["text/html"]
