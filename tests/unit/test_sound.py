"""Pieces of sound become something that a browser plays."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import pytest

from fal_stream._display.extract import Media
from fal_stream._display.snapshot import SnapshotBuilder
from fal_stream._display.sound import SOUND_LIMIT, SoundAccumulator
from fal_stream.testing import audio, speech


def played(chunks: list[Any], content_type: str | None = None) -> Media | None:
    """Give what is shown of chunks in the end."""
    maker = SnapshotBuilder("acme/speech")
    for chunk in chunks:
        maker.take(chunk, content_type=content_type)
    media = maker.ended("done").media
    assert len(media) <= 1
    return media[0] if media else None


def data_of(media: Media | None) -> bytes:
    assert media is not None
    head, _, data = (media.url or "").partition(",")
    assert head == f"data:{media.content_type};base64"
    return base64.b64decode(data, validate=True)


def read_wav(media: Media | None) -> tuple[int, int, int, bytes]:
    with wave.open(io.BytesIO(data_of(media))) as sound:
        frames = sound.readframes(sound.getnframes())
        return sound.getframerate(), sound.getnchannels(), sound.getsampwidth(), frames


SAMPLES = b"".join(audio(0.5)[1:])


def test_base64_of_pcm_gets_a_header() -> None:
    media = played(speech(0.5))
    assert read_wav(media) == (24_000, 1, 2, SAMPLES)
    assert media is not None
    assert (media.kind, media.size, media.seconds) == ("audio", len(SAMPLES), 0.5)


@pytest.mark.parametrize(
    ("facts", "rate"),
    [
        ({"sample_rate": 16_000}, 16_000),
        ({"audio_duration_sec": 24_000 / 44_100 / 2}, 44_100),
        ({"audio_duration_sec": 1e-9}, 24_000),
        ({"audio_duration_sec": 33.3}, 24_000),
        ({"sample_rate": "16000"}, 24_000),
        ({"sample_rate": 10**30}, 24_000),
        ({"sample_rate": True}, 24_000),
    ],
)
def test_the_rate_of_pcm(facts: dict[str, Any], rate: int) -> None:
    *chunks, _ = speech(0.5)
    assert read_wav(played([*chunks, {"done": True, **facts}]))[0] == rate


def test_half_a_sample_is_left_out() -> None:
    chunk = {"audio": base64.b64encode(SAMPLES + b"\x01").decode()}
    assert read_wav(played([chunk]))[3] == SAMPLES


@pytest.mark.parametrize(
    ("content_type", "rate"),
    [("audio/pcm", 24_000), ("audio/L16;rate=16000", 16_000), ("audio/pcm; rate=8000", 8_000)],
)
def test_a_body_of_pcm(content_type: str, rate: int) -> None:
    pieces = audio(0.5)[1:]
    assert read_wav(played(pieces, content_type)) == (rate, 1, 2, SAMPLES)


@pytest.mark.parametrize(
    "content_type", ["audio/wav", "audio/x-wav", None, "application/x-unknown"]
)
def test_a_body_that_is_a_file(content_type: str | None) -> None:
    media = played(audio(0.5), content_type)
    assert read_wav(media) == (24_000, 1, 2, SAMPLES)


@pytest.mark.parametrize("sizes", [b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"])
def test_a_wav_file_that_was_sent_before_its_end_was_known(sizes: bytes) -> None:
    header, *pieces = audio(0.5)
    header = header[:4] + sizes + header[8:40] + sizes
    assert read_wav(played([header, *pieces], "audio/wav")) == (24_000, 1, 2, SAMPLES)


@pytest.mark.parametrize(
    ("head", "content_type", "kind", "shown_type"),
    [
        (b"ID3\x04", "audio/mpeg", "audio", "audio/mpeg"),
        (b"ID3\x04", None, "audio", "audio/mpeg"),
        (b"\x00\x00", "audio/ogg", "audio", "audio/ogg"),
        (b"\x1a\x45\xdf\xa3webm", "video/webm", "video", "video/webm"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "image", "image/png"),
    ],
)
def test_other_bodies_are_shown_as_they_are(
    head: bytes, content_type: str | None, kind: str, shown_type: str
) -> None:
    media = played([head, b"rest"], content_type)
    assert media is not None
    assert (media.kind, media.content_type) == (kind, shown_type)
    assert data_of(media) == head + b"rest"


@pytest.mark.parametrize("content_type", [None, "application/octet-stream", "application/zip"])
def test_a_body_that_nobody_knows_is_not_played(content_type: str | None) -> None:
    assert played([b"\x00\x01\x02\x03"], content_type) is None


@pytest.mark.parametrize(
    "chunk",
    [
        {"audio": "not base64!"},
        {"audio": 7},
        {"audio": {"url": 7}},
        {"output": "QUJD"},
        "QUJD",
        {"error": {"message": "again"}, "recoverable": True},
    ],
)
def test_what_is_no_sound(chunk: Any) -> None:
    assert played([chunk]) is None
    # It doesn't spoil what comes after it.
    assert read_wav(played([chunk, *speech(0.5)]))[3] == SAMPLES


def test_a_sound_that_is_too_large_is_only_named() -> None:
    sound = SoundAccumulator()
    piece = b"ID3\x04" + bytes(1_000_000)
    while sound.size <= SOUND_LIMIT:
        sound.take_body(piece, "audio/mpeg")
    media = sound.media(with_url=True)
    assert media == Media("audio", None, "audio/mpeg", sound.size, None)
    assert len(sound._data) < 10_000


def test_nothing_is_encoded_while_it_grows() -> None:
    maker = SnapshotBuilder("acme/speech")
    for chunk in speech(0.5)[:2]:
        maker.take(chunk)
    (media,) = maker.snapshot().media
    assert (media.url, media.size, media.seconds) == (None, 9600, 0.2)
