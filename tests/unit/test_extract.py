"""What is found in chunks to be shown."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import pytest

from fal_stream._display.extract import (
    INLINE_LIMIT,
    MAX_SHOWN_FILES,
    Media,
    find_logs,
    find_media,
    find_progress,
    find_reasoning,
    find_seed,
    find_shown_text,
)
from fal_stream._display.nodes import output_of
from fal_stream._display.shorten import short_chunk_repr
from fal_stream._display.snapshot import SnapshotBuilder
from fal_stream._shared.text_accumulator import TextAccumulator
from fal_stream._shared.text_fields import FoundText
from fal_stream.testing import chat_completion, partial_images, tokens

PNG = "data:image/png;base64,iVBORw0KGgo="
WEBP = {"url": "https://fal.media/1", "content_type": "image/webp"}
MP4 = {"url": "https://a.example/1", "content_type": "video/mp4"}
PICTURE = Media("image", PNG, "image/png", 9)


@dataclasses.dataclass
class Image:
    url: str
    content_type: str = "image/png"


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        ({"output": "a", "partial": True}, FoundText("a", True)),
        ({"output": "a"}, FoundText("a", None)),
        ({"outputs": ["a", "b"]}, FoundText("a\nb", True)),
        ({"outputs": [{"url": PNG}]}, None),
        ({"outputs": []}, None),
        ({"choices": [], "usage": {"total_tokens": 7}}, None),
        ({"type": "output", "output": {"text": "a"}}, FoundText("a", None)),
        ({"output": PNG}, None),
        ({"progress": 0.5, "message": "a"}, None),
        (b"a", None),
        (None, None),
    ],
)
def test_text(chunk: Any, text: FoundText | None) -> None:
    assert find_shown_text(chunk) == text


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        ({"output": "", "reasoning": "a", "partial": True}, FoundText("a", True)),
        ({"output": "b", "reasoning_content": "a"}, FoundText("a", None)),
        ({"choices": [{"delta": {"reasoning": "a"}}]}, FoundText("a", False)),
        ({"choices": [{"delta": {"content": "", "reasoning": "a"}}]}, FoundText("a", False)),
        ({"choices": [{"delta": {"reasoning_content": "a"}}]}, FoundText("a", False)),
        ({"choices": [{"delta": {"content": "a"}}]}, None),
        ({"reasoning": ""}, None),
        ({"reasoning": 1}, None),
        ({"choices": []}, None),
        ("a", None),
        ([1], None),
    ],
)
def test_reasoning(chunk: Any, text: FoundText | None) -> None:
    assert find_reasoning(chunk) == text


@pytest.mark.parametrize(
    ("value", "part"),
    [(0, 0), (0.25, 0.25), (1, 1), (25, 0.25), (100, 1), (101, None), (-1, None)]
    + [(value, None) for value in (True, "0.5", None, float("nan"), float("inf"))],
)
def test_progress(value: object, part: float | None) -> None:
    assert find_progress({"progress": value}) == (part, None)


def test_the_message() -> None:
    assert find_progress({"message": "Loading"}) == (None, "Loading")
    assert find_progress({"message": 1}) == (None, None)
    assert find_progress([]) == (None, None)
    queued = {"status": "IN_QUEUE", "queue_position": 2}
    assert find_progress(queued) == (None, "in the queue at position 2")
    assert find_progress({"queue_position": True}) == (None, None)


@pytest.mark.parametrize(
    ("logs", "lines"),
    [
        ([{"message": "a"}, {"message": "b\n c"}], ["a", "b c"]),
        (["a"], ["a"]),
        ([{"message": " "}, {"level": "INFO"}, 1, None], []),
        ([{"message": "x" * 1000}], ["x" * 500]),
        ("a", []),
        (None, []),
    ],
)
def test_logs(logs: object, lines: list[str]) -> None:
    assert list(find_logs({"logs": logs})) == lines
    assert list(find_logs(logs)) == []


@pytest.mark.parametrize(
    ("seed", "found"),
    [(0, 0), (42, 42), (-1, -1), (2**63, 2**63)]
    + [(value, None) for value in (True, "42", 1.5, None, 10**400)],
)
def test_the_seed(seed: object, found: int | None) -> None:
    assert find_seed({"seed": seed}) == found


@pytest.mark.parametrize(
    "chunk",
    [
        {"images": [{"url": PNG, "content_type": "image/png"}]},
        {"image": {"url": PNG}},
        {"image_url": PNG},
        {"output": {"anything": [[{"b64": PNG}]]}},
        {"image": Image(PNG)},
        {"images": [{"url": PNG}, {"url": PNG}]},
        {"b64_json": PNG.partition(",")[2], "type": "image_generation.partial_image"},
        {"image": {"b64_json": PNG.partition(",")[2], "partial_index": 0}},
        [[[[[[[[PNG]]]]]]]],
        PNG,
    ],
)
def test_a_picture_as_data(chunk: object) -> None:
    assert find_media(chunk) == (PICTURE,)


@pytest.mark.parametrize(
    ("chunk", "kind", "content_type"),
    [
        ({"images": [WEBP]}, "image", "image/webp"),
        ({"file": WEBP}, "image", "image/webp"),
        ({"image": {"url": "https://fal.media/1"}}, "image", ""),
        ({"image_url": "https://fal.media/1"}, "image", ""),
        ({"result": "https://fal.media/1.PNG?x=1"}, "image", "image/png"),
        ({"video": MP4}, "video", "video/mp4"),
        ({"images": [MP4]}, "video", "video/mp4"),
        ({"video": {"url": "https://fal.media/1"}}, "video", ""),
        ({"audio": {"url": "https://fal.media/1.mp3"}}, "audio", "audio/mpeg"),
        ({"speech": {"url": "https://fal.media/1"}}, "audio", ""),
        ({"model_mesh": {"url": "https://fal.media/1.glb"}}, "file", "model/gltf-binary"),
        ({"data": {"url": "https://fal.media/1"}}, "file", ""),
        ({"image": {"url": "https://fal.media/1.svg"}}, "file", "image/svg+xml"),
    ],
)
def test_the_address_of_a_file(chunk: object, kind: str, content_type: str) -> None:
    (found,) = find_media(chunk)
    assert (found.url or "").startswith(("https://fal.media/1", "https://a.example/1"))
    assert (found.kind, found.content_type, found.size) == (kind, content_type, None)


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/pdf"])
def test_other_data_is_only_named(kind: str) -> None:
    (found,) = find_media({"image": f"data:{kind};base64,AAAA"})
    assert found == Media("file", None, kind, 3)


def test_sound_and_video_as_data() -> None:
    found = find_media({"a": "data:audio/wav;base64,AAAA", "v": "data:video/mp4;base64,AAAA"})
    assert [(one.kind, one.size) for one in found] == [("audio", 3), ("video", 3)]
    assert all(one.url for one in found)


@pytest.mark.parametrize(
    "chunk",
    [
        {"url": "https://example.com/1"},
        {"image": "javascript:alert(1)"},
        {"image": "JavaScript://fal.media/1.png"},
        {"image": "file:///etc/1.png"},
        {"output": f"See {PNG}"},
        [*[0] * 10_000, PNG],
        b"data:image/png;base64,AAAA",
        None,
    ],
)
def test_no_file(chunk: object) -> None:
    assert find_media(chunk) == ()


def test_an_address_is_encoded() -> None:
    (found,) = find_media({"image": 'https://fal.media/1.png" onerror="x'})
    assert found.url == "https://fal.media/1.png%22%20onerror=%22x"


def test_a_chunk_that_holds_itself_is_looked_at_to_an_end() -> None:
    chunk: dict[str, Any] = {"image": PNG}
    chunk["again"] = [chunk, chunk]
    assert find_media(chunk) == (PICTURE,)
    assert "..." in short_chunk_repr(chunk)


def test_large_pictures_are_not_shown() -> None:
    head = "data:image/png;base64,"
    large = head + "A" * INLINE_LIMIT
    assert find_media([large, PNG]) == (
        Media("image", None, "image/png", INLINE_LIMIT * 3 // 4),
        PICTURE,
    )
    # The limit is for all of them.
    halves = [head + letter * (INLINE_LIMIT // 2 - len(head)) for letter in "ABC"]
    assert [bool(one.url) for one in find_media(halves)] == [True, True, False]
    assert len(find_media([head + "A" * 4 * n for n in range(99)])) == MAX_SHOWN_FILES


def test_what_a_workflow_gives() -> None:
    assert output_of({"type": "output", "output": {"seed": 7}}) == {"seed": 7}
    for chunk in ({"type": "output"}, {"output": 1}, [1], "a", None):
        assert output_of(chunk) == chunk


def test_the_samples_of_text() -> None:
    text, thought = "To be, or not to be: that is the question.", "A question, and its answer."
    scripts: list[list[Any]] = [
        tokens(text, pause=0, reasoning=thought, usage={"cost": 0.1}),
        chat_completion(text, pause=0, reasoning=thought)[1:-1],
    ]
    for script in scripts:
        maker = SnapshotBuilder("acme/llm")
        for chunk in script:
            maker.take(chunk)
        frame = maker.snapshot()
        assert (frame.text, frame.reasoning, frame.other) == (text, thought, None)


@pytest.mark.parametrize("nested", [False, True])
def test_the_samples_of_partial_pictures(nested: bool) -> None:
    for chunk in partial_images(2, size=8, pause=0, nested=nested):
        maker = SnapshotBuilder("acme/image")
        maker.take(chunk)
        frame = maker.snapshot()
        (picture,) = frame.media
        assert (picture.kind, picture.content_type) == ("image", "image/png")
        assert base64.b64decode((picture.url or "").partition(",")[2]).startswith(b"\x89PNG")
        assert frame.other is None


@pytest.mark.parametrize("shape", ["delta", "chat", "output"])
def test_many_new_parts_are_joined_when_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    def chunk(word: str) -> Any:
        if shape == "chat":
            return {"choices": [{"delta": {"content": word}}]}
        return {shape: word}

    joined: list[TextAccumulator] = []

    def note(self: TextAccumulator) -> str:
        joined.append(self)
        return "".join(self._parts)

    monkeypatch.setattr(TextAccumulator, "text", property(note))
    maker = SnapshotBuilder("acme/llm")
    for _ in range(50_000):
        maker.take(chunk("one "))
        maker.take(chunk("two "))
    # Each time would be quadratic.
    assert len(joined) <= 2
    assert len(maker._text._parts) >= 99_999
    assert maker.snapshot().text == "one two " * 50_000
