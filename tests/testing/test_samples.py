from __future__ import annotations

import base64
import io
import json
import struct
import wave
import zlib
from itertools import pairwise
from typing import Any

import pytest

from fal_stream.testing import (
    LocalFal,
    Pause,
    Ping,
    Reply,
    audio,
    chat_completion,
    image_frames,
    image_progress,
    partial_images,
    speech,
    tokens,
    with_logs,
    workflow,
)
from tests.testing.raw_client import fetch


def test_tokens_tell_the_text_so_far() -> None:
    assert tokens("To be,  or", pause=0) == [
        {"output": "To ", "partial": True},
        {"output": "To be,  ", "partial": True},
        {"output": "To be,  or", "partial": False},
    ]


@pytest.mark.parametrize("text", ["", " ", "one"])
def test_tokens_of_a_short_text(text: str) -> None:
    assert tokens(text) == [{"output": text, "partial": False}]


def test_tokens_with_reasoning_and_usage() -> None:
    assert tokens("To be", pause=0, reasoning="A pause", usage={"cost": 0.5}) == [
        {"output": "", "reasoning": "A ", "partial": True},
        {"output": "", "reasoning": "A pause", "partial": True},
        {"output": "To ", "partial": True, "reasoning": "A pause"},
        {
            "output": "To be",
            "partial": False,
            "reasoning": "A pause",
            "usage": {"cost": 0.5},
        },
    ]


def test_a_chat_completion_sends_deltas(fal: LocalFal) -> None:
    script = chat_completion("To be,  or", pause=0, reasoning="A pause", model="acme/llm")
    assert script[0] == Ping("OPENROUTER PROCESSING")
    fal.add("acme/app", script)
    body = fetch(fal).body.decode()
    assert body.startswith(": OPENROUTER PROCESSING\n\n")
    events = body.split("\n\n")[1:-1]
    assert events.pop() == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {(chunk["object"], chunk["model"]) for chunk in chunks} == {
        ("chat.completion.chunk", "acme/llm")
    }
    last = chunks.pop()
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 5)
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    deltas = [choice["delta"] for choice in choices]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == "To be,  or"
    assert "".join(delta.get("reasoning", "") for delta in deltas) == "A pause"
    assert [choice["finish_reason"] for choice in choices] == [None] * 6 + ["stop"]


def test_pauses_stand_between_chunks() -> None:
    assert [type(step) for step in tokens("a b c", pause=0.5)] == [dict, Pause, dict, Pause, dict]


def test_image_frames_arrive_as_pictures(fal: LocalFal) -> None:
    fal.add("acme/app", image_frames(count=6, size=64, pause=0.001))
    frames = fetch(fal).events()
    assert [frame["progress"] for frame in frames] == [0.17, 0.33, 0.5, 0.67, 0.83, 1.0]
    assert [("seed" in frame) for frame in frames] == [False] * 5 + [True]
    pictures = [read_png(frame["images"][0]) for frame in frames]
    errors = [difference(picture, pictures[-1]) for picture in pictures]
    assert errors == sorted(set(errors), reverse=True), "each is nearer to the last one"


@pytest.mark.parametrize(("count", "size"), [(1, 1), (1, 7), (3, 10), (8, 5)])
def test_image_frames_of_any_size(count: int, size: int) -> None:
    frames = image_frames(count=count, size=size, pause=0)
    assert len(frames) == count
    for frame in frames:
        assert len(read_png(frame["images"][0])) == size


def test_several_pictures_in_a_chunk() -> None:
    frames = image_frames(count=2, size=32, pause=0, images=4)
    for frame in frames:
        assert [len(read_png(image)) for image in frame["images"]] == [32] * 4
    assert len({image["url"] for image in frames[-1]["images"]}) == 4


def test_progress_comes_before_the_picture() -> None:
    *before, last = image_progress(count=4, size=8, pause=0, seed=7, images=2, prompt="a sun")
    assert before[1] == {"progress": 0.5, "message": "Step 2 of 4"}
    assert [chunk["progress"] for chunk in before] == [0.25, 0.5, 0.75, 1.0]
    assert [len(read_png(image)) for image in last.pop("images")] == [8, 8]
    assert last == {
        "seed": 7,
        "timings": {"inference": 1.25},
        "has_nsfw_concepts": [False, False],
        "prompt": "a sun",
    }


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("nested", [False, True])
def test_partial_images(count: int, nested: bool) -> None:
    *before, last = partial_images(count=count, size=16, pause=0, nested=nested)
    size = {"width": 16, "height": 16, "content_type": "image/png"}
    assert len(before) == count
    for number, chunk in enumerate(before):
        assert chunk["type"] == ("image.partial" if nested else "image_generation.partial_image")
        image = chunk["image"] if nested else chunk
        assert image["partial_index" if nested else "partial_image_index"] == number
        assert len(read_png({**size, **image})) == 16
    (image,) = (last["output"] if nested else last)["images"]
    assert len(read_png({**size, **image})) == 16


def read_png(image: dict[str, Any]) -> list[bytes]:
    """Decode an 8-bit RGB picture into its rows, checking every sum."""
    assert image["content_type"] == "image/png"
    text = image.get("b64_json") or image["url"].removeprefix("data:image/png;base64,")
    data = base64.b64decode(text, validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    parts: list[tuple[bytes, bytes]] = []
    position = 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        name = data[position + 4 : position + 8]
        content = data[position + 8 : position + 8 + length]
        (check,) = struct.unpack_from(">I", data, position + 8 + length)
        assert check == zlib.crc32(name + content)
        parts.append((name, content))
        position += 12 + length
    assert [name for name, _ in parts] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *form = struct.unpack(">IIBBBBB", parts[0][1])
    assert (width, height, form) == (image["width"], image["height"], [8, 2, 0, 0, 0])
    pixels = zlib.decompress(parts[1][1])
    stride = 1 + 3 * width
    assert len(pixels) == stride * height
    rows = [pixels[start : start + stride] for start in range(0, len(pixels), stride)]
    assert {row[0] for row in rows} == {0}
    return [row[1:] for row in rows]


def difference(one: list[bytes], other: list[bytes]) -> int:
    return sum(abs(a - b) for a, b in zip(b"".join(one), b"".join(other), strict=True))


def test_audio_arrives_as_a_wav_file(fal: LocalFal) -> None:
    fal.add("acme/app", Reply(audio(0.55), content_type="audio/wav"))
    with wave.open(io.BytesIO(fetch(fal).body)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 24_000)
        assert sound.getnframes() == 13_200
        samples = struct.unpack("<13200h", sound.readframes(13_200))
    crossings = sum(a < 0 <= b for a, b in pairwise(samples))
    assert abs(crossings / 0.55 - 440) < 4, "the tone is an A"
    assert len(audio(0.55)) == 7


def test_audio_of_no_length_is_a_header() -> None:
    (header,) = audio(0)
    assert len(header) == 44


def test_speech_has_the_samples_of_audio() -> None:
    *chunks, last = speech(0.55)
    sound = b"".join(base64.b64decode(chunk["audio"], validate=True) for chunk in chunks)
    assert sound == b"".join(audio(0.55)[1:])
    assert len(chunks) == 6
    assert last == {"done": True, "inference_time_ms": 250.0, "audio_duration_sec": 0.55}


def test_speech_of_no_length() -> None:
    assert [chunk.get("done") for chunk in speech(0)] == [True]


def test_a_workflow() -> None:
    nodes = {"prompt": "fal-ai/any-llm", "picture": "fal-ai/flux/dev"}
    events = workflow({"seed": 7}, pause=0, nodes=nodes, results={"picture": [1]})
    assert [(event["type"], event["node_id"]) for event in events] == [
        ("submit", "prompt"),
        ("completion", "prompt"),
        ("submit", "picture"),
        ("completion", "picture"),
        ("output", "output"),
    ]
    assert [event.get("app_id") for event in events[::2]] == [*nodes.values(), None]
    assert len({event.get("request_id") for event in events}) == 3
    assert [event.get("output") for event in events[3:]] == [[1], {"seed": 7}]


def test_a_workflow_that_fails() -> None:
    events = workflow(pause=0, failed="picture")
    assert [event["type"] for event in events] == ["submit", "completion", "submit", "error"]
    assert events[-1]["node_id"] == "picture"
    assert events[-1]["message"] == "The node picture failed"


def test_logs_come_before_a_script() -> None:
    script = with_logs([{"output": "Hi"}], ["Loading"], pause=0.5, queue_position=1)
    assert [type(step) for step in script] == [dict, Pause, dict, Pause, dict]
    assert script[0]["status"] == "IN_QUEUE"
    assert script[0]["queue_position"] == 1
    assert script[2]["logs"][0]["message"] == "Loading"
    assert script[-1] == {"output": "Hi"}
    assert with_logs([1], [], queue_position=0) == [1]
