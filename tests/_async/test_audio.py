"""Sound as it comes: base64 in chunks, or the body itself."""

from __future__ import annotations

import base64
from typing import Any

import pydantic
import pytest

from fal_stream import (
    AsyncFalStream,
    AsyncStreamingClient,
    ConfigError,
    FileError,
    StreamDecodeError,
    StreamInterrupted,
)
from fal_stream.testing import Cut, Hang, LocalFal, Reply, audio

PCM = [bytes([number, 0]) * 50 for number in range(4)]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def heard(stream: AsyncFalStream[Any], *field: Any) -> list[bytes]:
    return [sound async for sound in stream.audio(*field)]


async def test_base64_in_chunks(fal: LocalFal, client: AsyncStreamingClient) -> None:
    error = {"error": {"message": "a glitch"}, "recoverable": True}
    end = {"done": True, "inference_time_ms": 7, "audio_duration_sec": 0.1, "audio": None}
    sounds = [{"audio": b64(data), "done": False} for data in PCM]
    fal.add("acme/tts", [*sounds[:2], error, *sounds[2:], end])
    stream = client.stream("acme/tts")
    assert await heard(stream) == PCM
    assert await stream.done() == end


async def test_a_status_is_not_decoded(fal: LocalFal, client: AsyncStreamingClient) -> None:
    sounds = [{"audio": b64(data)} for data in PCM]
    fal.add("acme/tts", [{"audio": "pending"}, *sounds, {"audio": "done"}])
    stream = client.stream("acme/tts")
    assert await heard(stream) == PCM
    assert await stream.done() == {"audio": "done"}


async def test_hexadecimal_is_an_error(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": bytes(range(200, 250)).hex()}])
    with pytest.raises(StreamDecodeError, match="in chunk 1: audio is hexadecimal, not base64"):
        await heard(client.stream("acme/tts"))

    def voice(chunk: Any) -> bytes:
        return bytes.fromhex(chunk["audio"])

    assert await heard(client.stream("acme/tts"), voice) == [bytes(range(200, 250))]


async def test_sound_comes_at_once(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": b64(PCM[1])}, Hang()])
    async with client.stream("acme/tts") as stream:
        assert await stream.audio().__anext__() == PCM[1]


async def test_a_body(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", Reply(audio(0.5), content_type="audio/wav"))
    stream = client.stream("acme/tts", accept="audio/wav", output_type=bytes)
    assert b"".join(await heard(stream)) == b"".join(audio(0.5))


class Speech(pydantic.BaseModel):
    audio: pydantic.Base64Bytes


async def test_chunks_of_a_type(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": b64(data)} for data in PCM])
    assert await heard(client.stream("acme/tts", output_type=Speech)) == PCM


async def test_a_field(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": b64(b"no"), "voice": {"data": b64(data)}} for data in PCM])
    assert await heard(client.stream("acme/tts"), "voice") == PCM

    def voice(chunk: Any) -> str:
        text: str = chunk["voice"]["data"]
        return text

    assert await heard(client.stream("acme/tts"), voice) == PCM


async def test_a_field_that_is_nowhere(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": b64(b"x")}, {"done": True}])
    with pytest.raises(FileError, match=r"no audio in the field 'sound': 2 .*'done'") as caught:
        await heard(client.stream("acme/tts"), "sound")
    assert caught.value.endpoint_id == "acme/tts"
    assert caught.value.request_id == fal.requests[0].request_id
    assert caught.value.__suppress_context__


async def test_no_sound(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": {"url": "https://fal.media/a.wav"}}])
    with pytest.raises(FileError, match=r"no audio in the stream: .*'audio'.*files\(\) and save"):
        await heard(client.stream("acme/tts"))


async def test_what_came_before_broken_base64(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": b64(PCM[0])}, {"audio": "!!!"}])
    sounds: list[bytes] = []
    with pytest.raises(StreamDecodeError, match="in chunk 2: audio is no base64: '!!!'") as caught:
        async for sound in client.stream("acme/tts").audio():
            sounds.append(sound)  # noqa: PERF401 - what came before an error counts
    assert sounds == PCM[:1]
    assert (caught.value.raw, caught.value.index) == ("!!!", 1)


async def test_a_stream_that_breaks(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"audio": b64(PCM[0])}, Cut()])
    sounds: list[bytes] = []
    with pytest.raises(StreamInterrupted):
        async for sound in client.stream("acme/tts").audio():
            sounds.append(sound)  # noqa: PERF401 - what came before an error counts
    assert sounds == PCM[:1]


async def test_an_abort_is_an_end(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/tts", [{"status": "IN_PROGRESS"}, Hang()])
    stream = client.stream("acme/tts")
    stream.on("data", lambda chunk: stream.abort())
    assert await heard(stream) == []


@pytest.mark.parametrize("field", [7, "", b"audio", ["audio"]])
async def test_fields_that_are_none(client: AsyncStreamingClient, field: Any) -> None:
    with pytest.raises(ConfigError, match="field"):
        client.stream("acme/tts").audio(field)
