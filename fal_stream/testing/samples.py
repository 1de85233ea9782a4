"""Ready-made scripts in the shapes of fal's models: text, a sharpening picture, sound.

Promises: the same arguments give the same bytes; pictures and sound are real files of their
kind. Leaves to others: sending them.
"""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from array import array
from sys import byteorder
from typing import Any

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import check_seconds, check_whole
from fal_stream.testing.steps import Pause

__all__ = ["audio", "image_frames", "tokens"]

_WORD = re.compile(r"\S+\s*|\s+")
_SAMPLE_RATE = 24_000
_TONE_HZ = 440
_PIECES_PER_SECOND = 10


def tokens(text: str, pause: float = 0.02) -> list[Any]:
    """Make the stream of a language model that writes a text word by word.

    The shape is that of fal's JavaScript client: `output` holds the text so far.

    Args:
        text: The whole text.
        pause: Seconds between two chunks.

    Returns:
        Steps with the chunks `{"output": ..., "partial": True}`; the last says False.

    Raises:
        ConfigError: The text is no string or the pause no time.
    """
    if not isinstance(text, str):
        raise ConfigError(f"text is {text!r}; give a string")
    ends = [match.end() for match in _WORD.finditer(text)] or [0]
    chunks = [{"output": text[:end], "partial": end < len(text)} for end in ends]
    return _with_pauses(chunks, pause)


def image_frames(count: int = 6, size: int = 64, pause: float = 0.1, seed: int = 42) -> list[Any]:
    """Make the stream of an image model whose picture gets sharper.

    Args:
        count: How many pictures, 1 or more.
        size: Width and height in pixels, 1 or more.
        pause: Seconds between two chunks.
        seed: The seed that the last chunk reports; the picture depends on it.

    Returns:
        Steps with the chunks `{"images": [{"url": "data:image/png;base64,..."}], "progress":
        ...}`; the last has `seed`, too.

    Raises:
        ConfigError: An argument is out of range.
    """
    for argument, value in (("count", count), ("size", size)):
        check_whole(argument, value, 1)
    chunks: list[Any] = []
    for number in range(1, count + 1):
        # Each picture has blocks a constant factor finer than the last; the last has pixels.
        block = max(1, round(size ** (1 - number / count)))
        url = "data:image/png;base64," + base64.b64encode(_png(size, block, seed)).decode()
        image = {"url": url, "width": size, "height": size, "content_type": "image/png"}
        chunks.append({"images": [image], "progress": round(number / count, 2)})
    chunks[-1]["seed"] = seed
    return _with_pauses(chunks, pause)


def audio(seconds: float = 1.0, pause: float = 0.0) -> list[Any]:
    """Make a sound in pieces: a WAV file with a sine tone (16 bit, mono, 24 kHz).

    Args:
        seconds: How long the sound is.
        pause: Seconds between two pieces of a tenth of a second.

    Returns:
        Steps of bytes, for `Reply(audio(), content_type="audio/wav")`.

    Raises:
        ConfigError: An argument is no time.
    """
    check_seconds("seconds", seconds)
    samples = array(
        "h",
        (
            round(12_000 * math.sin(2 * math.pi * _TONE_HZ * n / _SAMPLE_RATE))
            for n in range(round(seconds * _SAMPLE_RATE))
        ),
    )
    if byteorder == "big":
        samples.byteswap()
    sound = samples.tobytes()
    # The header of a WAV file: 16-bit PCM, one channel.
    form = struct.pack("<HHIIHH", 1, 1, _SAMPLE_RATE, 2 * _SAMPLE_RATE, 2, 16)
    header = b"RIFF" + struct.pack("<I", 36 + len(sound)) + b"WAVE"
    header += b"fmt " + struct.pack("<I", len(form)) + form
    header += b"data" + struct.pack("<I", len(sound))
    piece = 2 * _SAMPLE_RATE // _PIECES_PER_SECOND
    pieces = [sound[start : start + piece] for start in range(0, len(sound), piece)]
    return _with_pauses([header, *pieces], pause)


def _with_pauses(chunks: list[Any], pause: float) -> list[Any]:
    check_seconds("pause", pause)
    if not pause:
        return chunks
    steps: list[Any] = []
    for chunk in chunks:
        steps += [Pause(pause), chunk]
    return steps[1:]


def _png(size: int, block: int, seed: int) -> bytes:
    rows = []
    for top in range(0, size, block):
        row = bytearray(1)  # Each row begins with the number of its filter: none.
        for left in range(0, size, block):
            colour = _colour((left + block / 2) / size, (top + block / 2) / size, seed)
            row += colour * min(block, size - left)
        rows += [bytes(row)] * min(block, size - top)
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_part(name, data) for name, data in parts)


def _png_part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _colour(x: float, y: float, seed: int) -> bytes:
    # A sun over waves.
    if math.hypot(x - 0.3 - seed % 5 / 10, y - 0.3) < 0.15:
        return bytes((255, 214, 90))
    sea = y > 0.62 + 0.04 * math.sin(12 * x + seed)
    red, green, blue = (20, 90, 150) if sea else (90, 150, 230)
    shade = 1 - 0.45 * y if sea else 0.55 + 0.6 * y
    return bytes(min(255, round(part * shade)) for part in (red, green, blue))
