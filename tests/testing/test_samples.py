from __future__ import annotations

import base64
import io
import struct
import wave
import zlib
from itertools import pairwise
from typing import Any

import pytest

from fal_stream.testing import LocalFal, Pause, Reply, audio, image_frames, tokens
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


def read_png(image: dict[str, Any]) -> list[bytes]:
    """Decode an 8-bit RGB picture into its rows, checking every sum."""
    assert image["content_type"] == "image/png"
    data = base64.b64decode(image["url"].removeprefix("data:image/png;base64,"), validate=True)
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
