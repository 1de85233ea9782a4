"""Where the text of a chunk is found, in the shapes that models send."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pydantic
import pytest
from openai.types.chat import ChatCompletionChunk

from fal_stream import FalStreamError
from fal_stream._shared.text_fields import FieldNames, FoundText, find_text


class Part(pydantic.BaseModel):
    output: str
    partial: bool | None = None


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")


@dataclasses.dataclass
class Spoken:
    text: str


Word = pydantic.RootModel[str]


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [fields]}


@pytest.mark.parametrize(
    ("chunk", "text", "cumulative"),
    [
        ("Hi", "Hi", None),
        ("", "", None),
        ({"output": "Hi", "partial": True}, "Hi", True),
        ({"output": "Hi", "partial": False, "usage": {}}, "Hi", True),
        ({"output": "Hi"}, "Hi", None),
        ({"output": "Hi", "partial": None}, "Hi", None),
        ({"text": "Hi", "tokens": 1}, "Hi", None),
        ({"content": "Hi"}, "Hi", None),
        ({"response": "Hi"}, "Hi", None),
        ({"generated_text": "Hi"}, "Hi", None),
        ({"output": None, "text": "Hi"}, "Hi", None),
        ({"delta": "Hi"}, "Hi", False),
        ({"type": "content_block_delta", "delta": {"text": "Hi"}}, "Hi", False),
        (choice(delta={"content": "Hi"}), "Hi", False),
        (choice(delta={"role": "assistant", "content": ""}), "", False),
        (choice(text="Hi"), "Hi", False),
        (choice(message={"content": "Hi"}), "Hi", True),
        ({"choices": [{"index": 0, "delta": {"content": "Hi"}}]}, "Hi", False),
        ({"output": {"text": "Hi"}}, "Hi", None),
        ({"output": {"output": "Hi", "partial": False}}, "Hi", True),
        ({"type": "output", "node_id": "o", "output": {"output": "Hi"}}, "Hi", None),
        (Part(output="Hi"), "Hi", None),
        (Part(output="Hi", partial=True), "Hi", True),
        (Open.model_validate({"output": "Hi"}), "Hi", None),
        (Spoken("Hi"), "Hi", None),
        (Word("Hi"), "Hi", None),
    ],
)
def test_where_models_put_text(chunk: object, text: str, cumulative: bool | None) -> None:
    assert find_text(chunk) == FoundText(text, cumulative)


@pytest.mark.parametrize(
    "chunk",
    [
        None,
        3,
        [],
        ["Hi"],
        {},
        {"output": 3},
        {"output": ["Hi"]},
        {"output": "data:image/png;base64,AAAA"},
        "data:audio/wav;base64,AAAA",
        {"choices": []},
        {"choices": "Hi"},
        {"choices": [None]},
        choice(delta={"content": None}),
        choice(delta={}, finish_reason="stop"),
        {"choices": [{"index": 1, "delta": {"content": "Hi"}}]},
        {"status": "IN_PROGRESS", "logs": [{"message": "Hi"}]},
        {"type": "completion", "node_id": "llm", "output": {"output": "Hi"}},
        {"type": "submit", "node_id": "llm", "app_id": "a"},
        {"images": [{"url": "https://x"}]},
        {"reasoning": "Hi"},
    ],
)
def test_chunks_without_text(chunk: object) -> None:
    assert find_text(chunk) is None


def test_the_types_of_openai() -> None:
    chunk = ChatCompletionChunk.model_validate(
        {
            "id": "1",
            "created": 1,
            "model": "m",
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
        }
    )
    assert find_text(chunk) == FoundText("Hi", cumulative=False)


@pytest.mark.parametrize(
    ("chunk", "text", "cumulative"),
    [
        ({"output": "Hi", "reasoning": "Hm", "partial": True}, "Hm", True),
        ({"reasoning": "Hm"}, "Hm", None),
        (choice(delta={"content": "Hi", "reasoning": "Hm"}), "Hm", False),
        ({"delta": {"reasoning": "Hm"}}, "Hm", False),
        ({"output": {"reasoning": "Hm"}}, "Hm", None),
    ],
)
def test_a_field_by_its_name(chunk: object, text: str, cumulative: bool | None) -> None:
    assert find_text(chunk, "reasoning") == FoundText(text, cumulative)
    assert find_text({"output": "Hi"}, "reasoning") is None
    assert find_text("Hi", "reasoning") is None


def test_a_field_by_a_function() -> None:
    assert find_text({"a": {"b": "Hi"}}, lambda chunk: chunk["a"]["b"]) == FoundText("Hi", None)
    found = find_text({"a": "Hi", "partial": True}, lambda chunk: chunk["a"])
    assert found == FoundText("Hi", cumulative=True)
    assert find_text({"choices": []}, lambda chunk: chunk["choices"][0]["text"]) is None
    assert find_text({}, lambda chunk: None) is None
    assert find_text(Word("Hi"), lambda chunk: chunk.root) == FoundText("Hi", None)
    with pytest.raises(ZeroDivisionError):
        find_text({}, lambda chunk: 1 / 0)
    with pytest.raises(FalStreamError) as raised:
        find_text({}, lambda chunk: 3)
    assert str(raised.value) == (
        "The function `field` returned 3: return the text of the chunk, or None"
    )


@pytest.mark.parametrize(
    ("chunks", "field", "message"),
    [
        (
            [{"images": [], "seed": 3}, {"prompt": "a fox"}],
            None,
            (
                "No chunk had text; their fields were images, seed, prompt: name the one with the "
                "text, as in text(field='prompt')"
            ),
        ),
        (
            [{"output": "Hi", "reasoning": "Hm"}],
            "reasonin",
            (
                "No chunk had text in field='reasonin'; their fields were output, reasoning: name "
                "the one with the text, as in text(field='reasoning')"
            ),
        ),
        (
            [{"images": []}],
            "images",
            (
                "No chunk had text in field='images'; their fields were images: iterate the stream "
                "instead"
            ),
        ),
        (
            [{"a": 1}],
            str,
            (
                "The function `field` found no text in any chunk; their fields were a: iterate the "
                "stream instead"
            ),
        ),
        (
            [3, None],
            None,
            "No chunk had text, nor had any chunk fields: iterate the stream instead",
        ),
        ([], None, "No chunk came, so there is no text"),
    ],
)
def test_the_error_of_a_stream_without_text(chunks: list[object], field: Any, message: str) -> None:
    names = FieldNames()
    for chunk in chunks:
        names.add(chunk)
    assert str(names.error(field)) == message


def test_the_names_in_the_error_are_bounded() -> None:
    names = FieldNames()
    for number in range(1_000):
        names.add({f"{number}" + "x" * 10_000: 1, "\x1b": 2})
    message = str(names.error(None))
    assert len(message) < 2_000
    assert not re.search("[\x00-\x1f]", message)
