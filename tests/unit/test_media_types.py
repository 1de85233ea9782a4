"""Media types by first bytes and by suffixes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fal_stream._shared.media_types import (
    HEAD_BYTES,
    checked_type,
    contradicting_type,
    known_suffix,
    sniffed_type,
    suffix_of,
    type_of_suffix,
    url_suffix,
)
from fal_stream.testing import audio

# A frame of MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes.
MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
# MPEG 2 layer III, 64 kbit/s, 24 kHz, padded: 193 bytes.
MP3_FRAME_2 = b"\xff\xf3\x86\x00" + bytes(189)


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
    ],
)
def test_pictures_of_pillow(form: str, media_type: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(buffer, form)
    assert sniffed_type(buffer.getvalue()[:HEAD_BYTES]) == media_type


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"".join(audio(0.1)), "audio/wav"),
        (MP3_FRAME * 2, "audio/mpeg"),
        (MP3_FRAME_2 * 2, "audio/mpeg"),
        (MP3_FRAME, "audio/mpeg"),
        (b"ID3\x04\x00\x00", "audio/mpeg"),
        (b"fLaC\x00", "audio/flac"),
        (b"OggS\x00", "audio/ogg"),
        (b"FORM\x00\x00\x00\x00AIFF", "audio/aiff"),
        (b"\x00\x00\x00\x20ftypM4A \x00", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom\x00", "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  \x00", "video/quicktime"),
        (b"\x00\x00\x00\x20ftypavif\x00", "image/avif"),
        (b"\x00\x00\x00\x20ftypheic\x00", "image/heic"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video/x-msvideo"),
        (b"glTF\x02\x00\x00\x00", "model/gltf-binary"),
    ],
)
def test_sound_and_video(head: bytes, media_type: str) -> None:
    assert sniffed_type(head) == media_type


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM is a text, and no picture",
        b"RIFF\x00\x00\x00\x00????",
        b"\xff\xfe\x00\x00UTF-32",
        b"\xff\xfe" + "text".encode("utf-16-le"),
        MP3_FRAME[:200],
        MP3_FRAME + b"then no frame",
        MP3_FRAME[:-1] + MP3_FRAME,
        b"\xff\xff" * 1000,
        b"\xff\xfb\xf0\x00" * 200,
        b"\xff\xfb\x0c\x00" * 200,
        b"ID3 is a name",
        b"\x89PNG",
        b"<svg xmlns=''/>",
    ],
)
def test_other_bytes(head: bytes) -> None:
    assert sniffed_type(head) is None


@given(st.binary(max_size=600))
def test_any_bytes(head: bytes) -> None:
    found = sniffed_type(head)
    assert found is None or checked_type(found) == found


@given(st.binary(max_size=64), st.sampled_from([b"\xff\xfb", b"\xff\xf3", b"\xff\xe2", b"\xff"]))
def test_any_frame(rest: bytes, start: bytes) -> None:
    assert sniffed_type(start + rest) in (None, "audio/mpeg")


@pytest.mark.parametrize(
    ("media_type", "url", "suffix"),
    [
        ("image/jpeg", "", ".jpg"),
        ("Audio/X-WAV; rate=24000", "", ".wav"),
        ("audio/mpeg", "https://fal.media/a.wav", ".mp3"),
        ("application/octet-stream", "https://fal.media/a.GLB?b=.c", ".glb"),
        (None, "https://fal.media/a.webp", ".webp"),
        (None, "https://fal.media/a.safetensors", ".safetensors"),
        (None, "https://fal.media/a.exe", ".bin"),
        (None, "https://fal.media/a.b/c", ".bin"),
        (None, "https://fal.media/a.tar-gz", ".bin"),
        (None, "https://[::1/a.png", ".bin"),
        ("image/../../x", "", ".bin"),
        (None, "data:,a.png", ".bin"),
    ],
)
def test_suffixes(media_type: str | None, url: str, suffix: str) -> None:
    assert suffix_of(media_type, url) == suffix


@pytest.mark.parametrize(
    ("suffix", "head", "found"),
    [
        (".jpg", b"\x89PNG\r\n\x1a\n", "image/png"),
        (".JPEG", b"\x89PNG\r\n\x1a\n", "image/png"),
        (".png", b"\x89PNG\r\n\x1a\n", None),
        (".PNG", b"\x89PNG\r\n\x1a\n", None),
        (".mp3", b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (".opus", b"OggS", None),
        (".m4a", b"\0\0\0\x18ftypisom", None),
        (".mov", b"\0\0\0\x18ftypisom", None),
        (".mp4", b"\x1a\x45\xdf\xa3webm", "video/webm"),
        (".weba", b"\x1a\x45\xdf\xa3webm", None),
        (".png", b"anything", None),
        (".xyz", b"\x89PNG\r\n\x1a\n", None),
        ("", b"\x89PNG\r\n\x1a\n", None),
    ],
)
def test_names_of_another_type(suffix: str, head: bytes, found: str | None) -> None:
    assert contradicting_type(suffix, head) == found


def test_types_of_suffixes() -> None:
    assert type_of_suffix(".JPEG") == "image/jpeg"
    assert type_of_suffix(".bin") is None
    assert known_suffix(".PNG") == ".png"
    assert known_suffix(".py") is known_suffix("") is None
    assert url_suffix("https://fal.media/a/b.JPG#x") == ".jpg"
    assert url_suffix("https://fal.media/.png") == ".png"


@pytest.mark.parametrize(
    ("value", "checked"),
    [
        ("image/png", "image/png"),
        (" audio/wav; rate=24000 ", "audio/wav; rate=24000"),
        ("application/octet-stream", None),
        ("image", None),
        ("image/png\r\nx: y", None),
        ("a/" + "b" * 300, None),
        ("text/plain; charset=\u00fc", None),
        (7, None),
        (None, None),
    ],
)
def test_what_is_said_is_checked(value: object, checked: str | None) -> None:
    assert checked_type(value) == checked
