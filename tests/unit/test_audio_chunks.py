"""The sound in chunks."""

from __future__ import annotations

import base64
import dataclasses
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream import ConfigError, FalStreamError, FileError, StreamDecodeError
from fal_stream._shared.audio_chunks import AudioReader
from fal_stream._shared.chunk_fields import check_field, shown_fields

SOUND = b"\x00\x01" * 20
TEXT = base64.b64encode(SOUND).decode()
URI = f"data:audio/wav;base64,{TEXT}"


@dataclasses.dataclass
class Piece:
    audio: str


@pytest.mark.parametrize(
    "chunk",
    [
        SOUND,
        TEXT,
        URI,
        {"audio": TEXT, "done": False},
        {"audio": TEXT.rstrip("=")},
        {"audio": URI},
        {"audio": SOUND},
        {"audio": {"data": TEXT, "format": "pcm16"}},
        {"audio": {"b64_json": TEXT}},
        {"audio": {"url": URI}},
        {"audio_chunk": TEXT},
        {"b64_json": TEXT},
        {"type": "speech.audio.delta", "audio": TEXT},
        {"type": "response.audio.delta", "delta": TEXT},
        {"type": "audio", "data": TEXT},
        {"choices": [{"delta": {"audio": {"data": TEXT}}}]},
        Piece(TEXT),
    ],
)
def test_where_sound_stands(chunk: Any) -> None:
    reader = AudioReader(None)
    assert reader.take(chunk) == SOUND
    reader.check_found("a/b", None)


@pytest.mark.parametrize(
    "chunk",
    [
        None,
        7,
        [],
        [TEXT],
        {},
        {"done": True, "audio": None},
        {"audio": ""},
        {"error": {"message": "x"}, "recoverable": True},
        {"audio": {"url": "https://fal.media/a.wav", "content_type": "audio/wav"}},
        {"audio": "https://fal.media/a.wav"},
        {"type": "response.audio_transcript.delta", "delta": "Hello"},
        {"type": "response.text.delta", "delta": "Hello"},
        {"output": "Hello"},
        {"choices": []},
        {"choices": [{"delta": {"content": "Hello"}}]},
        {"choices": [None]},
        "",
        b"",
    ],
)
def test_chunks_without_sound(chunk: Any) -> None:
    reader = AudioReader(None)
    assert reader.take(chunk) == b""
    if chunk != b"":
        with pytest.raises(FileError, match="no audio in the stream: 1 chunk came; the last"):
            reader.check_found("a/b", None)


STATUSES = [
    "pending",
    "IN_PROGRESS",
    "Processing",
    "inProgress",
    "in-progress",
    "not ready yet",
    "step 2/3",
    "n/a",
    "mp3",
    "done",
    "100",
    "20260102",
]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: {"audio": text},
        lambda text: {"audio": {"data": text}},
        lambda text: {"type": "audio", "data": text},
        lambda text: {"choices": [{"delta": {"audio": {"data": text}}}]},
    ],
)
def test_a_status_is_no_sound(wrap: Any, status: str) -> None:
    reader = AudioReader(None)
    assert reader.take(wrap(status)) == b""
    with pytest.raises(FileError, match="no audio in the stream: 1 chunk came; the last"):
        reader.check_found("a/b", None)
    assert reader.take(wrap(TEXT)) == SOUND
    assert reader.take(wrap(status)) == b""
    reader.check_found("a/b", None)


def test_a_status_beside_sound() -> None:
    assert AudioReader(None).take({"audio": "pending", "audio_chunk": TEXT}) == SOUND
    assert AudioReader(None).take({"audio": "pending", "audio_data": {"data": TEXT}}) == SOUND
    audio = {"data": "done", "url": URI}
    assert AudioReader(None).take({"audio": audio}) == SOUND
    assert AudioReader("voice").take({"voice": "pending", "audio": TEXT}) == b""
    assert AudioReader("voice").take({"voice": {"data": "pending"}}) == b""
    # What a function returns is what it says.
    assert AudioReader(lambda chunk: chunk["audio"]).take({"audio": "done"}) == b"v\x89\xde"


@pytest.mark.parametrize(
    "sound",
    [
        bytes(3),
        bytes(6),
        bytes(2_400),
        b"\x80" * 6,
        b"\xff" * 9,
        b"\x7f\xff" * 3,
        b"\x01",
        b"ab",
        bytes(range(25)),
        bytes(range(200, 224)),
        b"ID3\x04\x00\x00",
        b"OggS\x00\x02",
        b"RIFF\x00\x00\x00\x00WAVE",
    ],
)
def test_short_sound(sound: bytes) -> None:
    text = base64.b64encode(sound).decode()
    assert AudioReader(None).take({"audio": text}) == sound
    assert AudioReader("audio").take({"audio": text}) == sound


@pytest.mark.parametrize(
    "text",
    [
        SOUND.hex(),
        bytes(range(200, 255)).hex(),
        bytes(range(200, 255)).hex().upper(),
        "9f86d081884c7d659a2feaa0c55ad015",
        "3f0c1b0e-6d5a-4d0e-9d53-0f4f8a3c2b1d",
        "0a1b2c3d",
    ],
)
def test_hexadecimal_is_not_decoded_as_base64(text: str) -> None:
    with pytest.raises(StreamDecodeError, match="chunk 1: audio is hexadecimal, not base64: '"):
        AudioReader(None).take({"audio": text})
    with pytest.raises(StreamDecodeError, match="voice is hexadecimal, not base64"):
        AudioReader("voice").take({"voice": text})


def test_hexadecimal_that_a_function_decodes() -> None:
    reader = AudioReader(lambda chunk: bytes.fromhex(chunk["audio"]))
    assert reader.take({"audio": SOUND.hex()}) == SOUND


def test_all_of_it_once_more() -> None:
    reader = AudioReader(None)
    assert reader.take({"audio": TEXT}) == SOUND
    assert reader.take({"audio": {"url": URI}, "done": True}) == b""


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        ({"audio": "!"}, "chunk 1: audio is no base64: '!'"),
        ({"audio": {"data": "!"}}, r"chunk 1: audio\.data is no base64"),
        ({"audio": "data:audio/wav"}, "audio is no data URI: 'data:audio/wav'"),
        ("Hello, world", "it is no base64: 'Hello, world'"),
    ],
)
def test_broken_base64(chunk: Any, said: str) -> None:
    with pytest.raises(StreamDecodeError, match=said):
        AudioReader(None).take(chunk)


def test_fields() -> None:
    assert AudioReader("voice").take({"audio": "!", "voice": TEXT}) == SOUND
    assert AudioReader("voice").take({"voice": {"data": TEXT}}) == SOUND
    assert AudioReader("voice").take(SOUND) == SOUND
    assert AudioReader("voice").take(TEXT) == b""
    with pytest.raises(StreamDecodeError, match="voice is of type int, not base64"):
        AudioReader("voice").take({"voice": 7})
    assert AudioReader(lambda chunk: chunk[0]).take([TEXT]) == SOUND
    assert AudioReader(lambda chunk: chunk[2:]).take(b"RISOUND") == b"SOUND"
    assert AudioReader(lambda chunk: None).take(TEXT) == b""
    with pytest.raises(StreamDecodeError, match="what the function returned is of type list"):
        AudioReader(lambda chunk: [chunk]).take(TEXT)


def test_a_field_that_is_nowhere() -> None:
    reader = AudioReader("x" * 10_000)
    with pytest.raises(FileError, match="no chunk came") as caught:
        reader.check_found("a/b", None)
    reader.take({f"field {number}": number for number in range(1_000)})
    with pytest.raises(FileError, match="'field 11' and 988 more") as caught:
        reader.check_found("a/b", None)
    assert caught.value.endpoint_id == "a/b"
    assert len(str(caught.value)) < 500


def test_what_chunks_are_said_to_be() -> None:
    assert shown_fields({}) == "has no fields"
    assert shown_fields({"a\n" * 100: 1}).startswith("has the fields 'a\\na")
    assert shown_fields("x" * 1_000).startswith("is 'xxx")
    assert shown_fields(Piece("x")) == "has the fields 'audio'"


async def coroutine_function(chunk: Any) -> None:
    """Be no function that will do."""


@pytest.mark.parametrize("field", [7, "", b"audio", ["audio"], coroutine_function])
def test_fields_that_are_none(field: Any) -> None:
    with pytest.raises(ConfigError, match="field"):
        check_field("field", field)


def test_time_is_linear() -> None:
    began = time.process_time()
    hexadecimal = "0f" * 1_000_000
    for text in ("A" * 4_000_000, "!" * 1_000_000, "%" * 1_000_000, " " * 1_000_000, hexadecimal):
        for value in (text, f"data:audio/wav;base64,{text}"):
            try:
                AudioReader(None).take({"audio": value})
            except StreamDecodeError as error:
                assert len(str(error)) < 500  # noqa: PT017
    assert time.process_time() - began < 2.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(TEXT) | st.just(URI),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["audio", "data", "type", "delta", "choices", "url", "b64_json"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_any_chunks(chunks: list[Any]) -> None:
    reader = AudioReader(None)
    try:
        for chunk in chunks:
            assert isinstance(reader.take(chunk), bytes)
        reader.check_found("a/b", None)
    except FalStreamError as error:
        assert isinstance(error, (FileError, StreamDecodeError))  # noqa: PT017
