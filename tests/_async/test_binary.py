"""Responses that are no event stream: bytes as they come."""

from __future__ import annotations

import pytest

from fal_stream import AsyncStreamingClient, StreamInterrupted
from fal_stream.testing import Cut, Framing, LocalFal, Raw, Reply, audio

from .read_stream import Outcome, read

SOUND = b"".join(audio(0.5))


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_sound(fal: LocalFal, client: AsyncStreamingClient, framing: Framing) -> None:
    fal.add("acme/speech", Reply(audio(0.5), content_type="audio/wav", framing=framing))
    stream = client.stream("acme/speech", accept="audio/wav")
    pieces = [piece async for piece in stream]
    assert all(type(piece) is bytes and piece for piece in pieces)
    assert b"".join(pieces) == SOUND
    assert await stream.done() == pieces[-1]
    assert stream.response_headers["content-type"] == "audio/wav"


async def test_sound_that_was_not_asked_for(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/speech", Reply(audio(0.5), content_type="audio/wav"))
    assert b"".join([piece async for piece in client.stream("acme/speech")]) == SOUND


async def test_many_megabytes(fal: LocalFal, client: AsyncStreamingClient) -> None:
    piece = bytes(range(256)) * 4096
    fal.add("acme/video", Reply([piece] * 20, content_type="video/mp4"))
    assert b"".join([got async for got in client.stream("acme/video")]) == piece * 20


async def test_bytes_are_not_looked_into(fal: LocalFal, client: AsyncStreamingClient) -> None:
    body = b"\xef\xbb\xbfdata: [DONE]\n\nevent: error\r\n\r\n\0\xff"
    fal.add("acme/app", Reply([body], content_type="application/octet-stream"))
    assert b"".join([piece async for piece in client.stream("acme/app")]) == body


@pytest.mark.parametrize("kind", ["application/json", "text/html", "application/ld+json"])
async def test_a_document_that_was_asked_for(
    fal: LocalFal, client: AsyncStreamingClient, kind: str
) -> None:
    fal.add("acme/app", Reply([b'{"a": ', b"1}"], content_type=f"{kind}; charset=utf-8"))
    pieces = [piece async for piece in client.stream("acme/app", accept=f"{kind}, audio/wav")]
    assert b"".join(pieces) == b'{"a": 1}'


async def test_no_content_type(fal: LocalFal, client: AsyncStreamingClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    fal.add("acme/app", Reply([Raw(b"abc")], head=head, framing="close"))
    assert b"".join([piece async for piece in client.stream("acme/app")]) == b"abc"


async def test_listeners_hear_each_piece(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/speech", Reply(audio(0.5), content_type="audio/wav"))
    heard: list[bytes] = []
    stream = client.stream("acme/speech").on("data", heard.append)
    last = await stream.done()
    assert b"".join(heard) == SOUND
    assert heard[-1] == last


@pytest.mark.parametrize("cut", [Cut(), Cut(partial=b"more"), Cut(in_chunk=False)])
async def test_sound_that_is_cut(fal: LocalFal, client: AsyncStreamingClient, cut: Cut) -> None:
    fal.add("acme/speech", Reply([SOUND, cut], content_type="audio/wav"))
    pieces, error = await read(client.stream("acme/speech"))
    assert b"".join(pieces) == SOUND + cut.partial
    assert isinstance(error, StreamInterrupted)
    assert error.chunks_received == len(pieces)


async def test_the_connection_is_used_again(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/speech", Reply([SOUND], content_type="audio/wav"))
    for _ in range(3):
        pieces, error = await read(client.stream("acme/speech"))
        assert Outcome([b"".join(pieces)], error) == Outcome([SOUND], None)
    assert len({request.peer for request in fal.requests}) == 1
