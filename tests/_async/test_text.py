"""The text of a stream: what is new as it comes, and all of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pydantic
import pytest
from openai.types.chat import ChatCompletionChunk

from fal_stream import (
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    StreamEventError,
    StreamInterrupted,
    StreamTimeout,
)
from fal_stream.testing import (
    Cut,
    Hang,
    LocalFal,
    Reply,
    chat_completion,
    error_event,
    image_frames,
    tokens,
    workflow,
)
from tests.concurrency import async_until

FOX = "A fox writes of the sea, and of what it has in it."
ROUTE = "openrouter/router/openai/v1/chat/completions"


class Part(pydantic.BaseModel):
    output: str
    partial: bool = False


@dataclasses.dataclass
class Word:
    content: str


async def pieces(client: AsyncStreamingClient, **options: Any) -> list[str]:
    return [piece async for piece in client.stream("acme/llm").text(**options)]


async def test_what_is_new(fal: LocalFal, client: AsyncStreamingClient) -> None:
    usage = {"total_tokens": 12}
    fal.add("acme/llm", tokens(FOX, pause=0, usage=usage))
    stream = client.stream("acme/llm", {"prompt": "Hi"})
    assert [piece async for piece in stream.text()] == [
        word if word.startswith("it.") else f"{word} " for word in FOX.split()
    ]
    assert stream.closed
    assert await stream.done() == {"output": FOX, "partial": False, "usage": usage}
    assert await stream.final_text() == FOX
    assert await stream.final_text() == FOX
    assert [piece async for piece in stream.text()] == []


async def test_all_of_it(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", tokens(FOX, pause=0))
    stream = client.stream("acme/llm")
    assert await stream.final_text() == FOX
    assert not stream.buffer
    assert await stream.done() == {"output": FOX, "partial": False}


async def test_deltas(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add(ROUTE, chat_completion(FOX, pause=0, reasoning="Hm, the sea"), path="")
    stream = client.stream(ROUTE, path="")
    assert [piece async for piece in stream.text()][:3] == ["A ", "fox ", "writes "]
    assert await stream.final_text() == FOX
    last = await stream.done()
    assert last is not None
    assert last["usage"]["total_tokens"] > 8
    assert await client.stream(ROUTE, path="").final_text("reasoning") == "Hm, the sea"


async def test_the_types_of_openai(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add(ROUTE, chat_completion(FOX, pause=0), path="")
    stream = client.stream(ROUTE, path="", output_type=ChatCompletionChunk)
    assert await stream.final_text() == FOX
    last = await stream.done()
    assert last is not None
    assert last.usage is not None
    assert last.usage.completion_tokens == len(FOX.split())


@pytest.mark.parametrize(
    ("chunks", "output_type"),
    [
        (["Hel", "lo", " ", "fox"], None),
        (["Hel", "lo", " ", "fox"], str),
        ([{"content": "Hel"}, {"content": "lo fox"}], Word),
        ([{"output": "Hel", "partial": True}, {"output": "Hello fox"}], Part),
        ([{"delta": "Hel"}, {"delta": "lo"}, {"delta": " fox"}, {"text": "Hello fox"}], None),
        ([{"progress": 0.1}, {"text": "Hello"}, {"text": " fox"}, {"seed": 3}], None),
    ],
)
async def test_shapes(
    fal: LocalFal, client: AsyncStreamingClient, chunks: list[Any], output_type: Any
) -> None:
    fal.add("acme/llm", chunks)
    stream = client.stream("acme/llm", output_type=output_type)
    first, *_ = [piece async for piece in stream.text()]
    assert first in ("Hel", "Hello")
    assert await stream.final_text() == "Hello fox"
    assert await client.stream("acme/llm", output_type=output_type).final_text() == "Hello fox"


async def test_rewritten_text(fal: LocalFal, client: AsyncStreamingClient) -> None:
    texts = ["The cat", "The cat sat", "The dog sat", "The dog sat."]
    fal.add("acme/llm", [{"output": text, "partial": text != texts[-1]} for text in texts])
    stream = client.stream("acme/llm")
    assert [piece async for piece in stream.text()] == ["The cat", " sat", "dog sat", "."]
    assert await stream.final_text() == "The dog sat."


async def test_repeated_deltas(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [{"text": "ha"}, {"text": "ha"}, {"text": " funny"}])
    assert await pieces(client) == ["ha", "ha funny"]
    fal.add("acme/llm", [{"text": "ha"}, {"text": "ha"}])
    assert await pieces(client) == ["ha", "ha"]
    assert await pieces(client, cumulative=True) == ["ha"]
    fal.add("acme/llm", [{"text": "1"}, {"text": "10"}])
    assert await pieces(client) == ["1", "0"]
    assert await pieces(client, cumulative=False) == ["1", "10"]


async def test_a_field_of_ones_own(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", tokens(FOX, pause=0, reasoning="Hm. The sea."))
    assert await pieces(client, field="reasoning") == ["Hm. ", "The ", "sea."]
    fal.add("acme/llm", [{"a": [{"b": "Hi "}]}, {"a": []}, {"a": [{"b": "fox"}]}])
    assert await pieces(client, field=lambda chunk: chunk["a"][0]["b"]) == ["Hi ", "fox"]


async def test_the_text_of_a_workflow(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("workflows/acme/poem", workflow({"text": "A poem"}, pause=0))
    assert await client.stream("workflows/acme/poem").final_text() == "A poem"


async def test_no_text(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [{"seed": 3, "prompt": "a fox"}, {"images": []}])
    stream = client.stream("acme/llm")
    for _ in range(2):
        with pytest.raises(FalStreamError) as raised:
            await stream.final_text()
        assert raised.value.message == (
            "No chunk had text; their fields were seed, prompt, images: name the one with the "
            "text, as in text(field='prompt')"
        )
        assert raised.value.endpoint_id == "acme/llm"
        assert raised.value.request_id == fal.requests[0].request_id
    assert await stream.done() == {"images": []}
    with pytest.raises(FalStreamError, match=r"field='promt'; .* as in text\(field='prompt'\)"):
        await pieces(client, field="promt")
    fal.add("acme/llm", image_frames(2, pause=0))
    with pytest.raises(FalStreamError, match="No chunk had text; their fields were images"):
        await pieces(client)
    fal.add("acme/llm", [])
    with pytest.raises(FalStreamError, match="No chunk came, so there is no text"):
        await pieces(client)


async def test_empty_text_is_text(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [{"output": "", "partial": False}])
    assert await client.stream("acme/llm").final_text() == ""
    assert await pieces(client) == []


async def test_bytes_are_no_text(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", Reply([b"RIFF"], content_type="audio/wav"))
    stream = client.stream("acme/llm")
    with pytest.raises(FalStreamError, match="its chunks are bytes, not text") as raised:
        await stream.final_text()
    assert raised.value.endpoint_id == "acme/llm"
    assert stream.closed


async def test_what_a_field_raises(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [{"text": "Hi"}, Hang()])
    stream = client.stream("acme/llm")
    with pytest.raises(ZeroDivisionError):
        await stream.final_text(lambda chunk: str(1 / 0))
    assert stream.closed
    await async_until(fal.requests[0].gone.is_set)
    stream = client.stream("acme/llm")
    with pytest.raises(FalStreamError, match="The function `field` returned 3") as raised:
        await stream.final_text(lambda chunk: 3)  # type: ignore[arg-type,return-value]
    assert raised.value.request_id == fal.requests[1].request_id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"field": 3}, "field=3 is no field"),
        ({"field": ""}, "field='' is no field"),
        ({"cumulative": "yes"}, "cumulative='yes' must be True, False or None"),
        ({"cumulative": 1}, "cumulative=1 must be True, False or None"),
    ],
)
async def test_bad_arguments(
    client: AsyncStreamingClient, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        client.stream("acme/llm").text(**arguments)
    with pytest.raises(ConfigError, match=message):
        await client.stream("acme/llm").final_text(**arguments)


async def test_a_failure_comes_after_the_text_before_it(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    # The second is held back until it is clear that it is new.
    fal.add("acme/llm", [{"text": "ha"}, {"text": "ha"}, error_event("full")])
    text = client.stream("acme/llm").text()
    assert [await text.__anext__(), await text.__anext__()] == ["ha", "ha"]
    for _ in range(2):
        with pytest.raises(StreamEventError):
            await text.__anext__()
    with pytest.raises(StreamEventError):
        await client.stream("acme/llm").final_text()


async def test_a_cut_and_a_timeout(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [{"output": "Hi", "partial": True}, Cut()])
    with pytest.raises(StreamInterrupted):
        await client.stream("acme/llm").final_text()
    fal.add("acme/llm", [{"output": "Hi", "partial": True}, Hang()])
    with pytest.raises(StreamTimeout):
        await client.stream("acme/llm", timeout=0.2).final_text()


async def test_an_abort_ends_it(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [{"text": "Hi"}, {"text": " fox"}, Hang()])
    stream = client.stream("acme/llm")
    async for piece in stream.text():
        if piece == " fox":
            stream.abort()
    assert await stream.final_text() == "Hi fox"
    stream = client.stream("acme/llm")
    stream.abort()
    assert await stream.final_text() == ""
    assert [piece async for piece in stream.text()] == []


async def test_after_done_the_chunks_are_still_there(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/llm", [{"text": "Hi"}, {"text": " fox"}])
    stream = client.stream("acme/llm")
    await stream.done()
    assert await stream.final_text() == "Hi fox"


async def test_chunks_that_others_have_taken(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", [{"text": "Hi"}, {"text": " my"}, {"text": " fox"}])
    stream = client.stream("acme/llm")
    assert await stream.__anext__() == {"text": "Hi"}
    assert [piece async for piece in stream.text()] == [" my", " fox"]
    with pytest.raises(FalStreamError) as raised:
        await stream.final_text()
    assert raised.value.message == (
        "Iterating the stream took 1 of 3 chunks, whose text is missing: call final_text() first, "
        "or use text() with the same arguments"
    )
    # All text so far is in the last one.
    fal.add("acme/llm", tokens(FOX, pause=0))
    stream = client.stream("acme/llm")
    assert len([chunk async for chunk in stream]) == len(FOX.split())
    assert await stream.final_text() == FOX
    assert [piece async for piece in stream.text()] == []


async def test_a_dropped_text_leaves_nothing_open(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/llm", [{"text": "Hi"}, Hang()])
    stream = client.stream("acme/llm")
    async for _ in stream.text():
        break
    with pytest.warns(ResourceWarning, match="acme/llm running, 1 chunk> was dropped"):
        del stream
    await async_until(fal.requests[0].gone.is_set)
