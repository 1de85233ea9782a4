"""Samples of speech models: a response that is an audio file, or base64 of PCM in chunks."""

from __future__ import annotations

import base64
import math
import struct
from array import array
from sys import byteorder
from typing import Any

from fal_stream.testing.checks import check_seconds
from fal_stream.testing.samples.pauses import with_pauses

__all__ = ["audio", "speech"]

_SAMPLE_RATE = 24_000
_TONE_HZ = 440
_PIECES_PER_SECOND = 10


def audio(seconds: float = 1.0, pause: float = 0.0) -> list[Any]:
    """Create a WAV file in pieces: a sine tone (16 bit, mono, 24 kHz).

    Args:
        seconds: The duration of the audio.
        pause: Seconds between two pieces of a tenth of a second.

    Returns:
        Steps of bytes, for `Reply(audio(), content_type="audio/wav")`.

    Raises:
        ConfigError: An argument is not a number of seconds.
    """
    pieces = _pieces(seconds)
    size = sum(map(len, pieces))
    # The header of a WAV file: 16-bit PCM, one channel.
    form = struct.pack("<HHIIHH", 1, 1, _SAMPLE_RATE, 2 * _SAMPLE_RATE, 2, 16)
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE"
    header += b"fmt " + struct.pack("<I", len(form)) + form
    header += b"data" + struct.pack("<I", size)
    return with_pauses([header, *pieces], pause)


def speech(seconds: float = 1.0, pause: float = 0.0) -> list[Any]:
    """Create the stream of a speech model that sends PCM as base64 in chunks.

    The samples are those of `audio`: 16 bit, mono, 24 kHz, without a header.

    Args:
        seconds: The duration of the audio.
        pause: Seconds between two pieces of a tenth of a second.

    Returns:
        Steps with the chunks `{"audio": "<base64>"}`; the last is `{"done": True, ...}`.

    Raises:
        ConfigError: An argument is not a number of seconds.
    """
    chunks: list[dict[str, Any]] = [
        {"audio": base64.b64encode(piece).decode()} for piece in _pieces(seconds)
    ]
    duration = round(seconds, 3)
    chunks.append({"done": True, "inference_time_ms": 250.0, "audio_duration_sec": duration})
    return with_pauses(chunks, pause)


def _pieces(seconds: float) -> list[bytes]:
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
    length = 2 * _SAMPLE_RATE // _PIECES_PER_SECOND
    return [sound[start : start + length] for start in range(0, len(sound), length)]
