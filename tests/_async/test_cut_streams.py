"""Streams that end before their time: the connection breaks, or the app dies in mid-event."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from fal_stream import (
    AsyncStreamingClient,
    IncompleteStream,
    StreamEventError,
    StreamInterrupted,
)
from fal_stream.testing import (
    Cut,
    Event,
    Framing,
    LocalFal,
    Pause,
    Ping,
    Raw,
    RecordedRequest,
    Reply,
    Wire,
)

from .read_stream import Outcome, read


@pytest.mark.parametrize(
    "cut",
    [
        Cut(),
        Cut(partial=b"data: 3\n\nda"),
        Cut(in_chunk=False),
        Wire(b"6\r\ndata: "),
        Wire(b"5"),
        Wire(b"0\r\n"),
        Wire(b"4\r\nabcdXX"),
        Wire(b"zz\r\ndata: 4\n\n\r\n"),
        Wire(b"-5\r\ndata: 4\n\n\r\n"),
        Wire(b"f" * 20 + b"\r\ndata: 4\n\n"),
    ],
    ids=lambda cut: repr(cut)[:40],
)
async def test_the_connection_breaks(
    fal: LocalFal, client: AsyncStreamingClient, cut: Cut | Wire
) -> None:
    fal.add("acme/app", [1, {"n": 2}, cut, Cut(in_chunk=False)])
    stream = client.stream("acme/app")
    chunks, error = await read(stream)
    came = [1, {"n": 2}, 3] if isinstance(cut, Cut) and cut.partial else [1, {"n": 2}]
    assert chunks == came
    assert isinstance(error, StreamInterrupted)
    assert error.chunks_received == len(came)
    assert f"after {len(came)} chunks" in str(error)
    assert error.request_id == fal.requests[0].request_id
    assert error.endpoint_id == "acme/app"
    assert (error.__cause__, error.__context__) == (None, None)
    with pytest.raises(StreamInterrupted) as caught:
        await stream.done()
    assert caught.value is error
    assert len(fal.requests) == 1


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_the_connection_is_reset(
    fal: LocalFal, client: AsyncStreamingClient, framing: Framing
) -> None:
    # A reset drops what has not been read, so it waits until the chunk was.
    seen = threading.Event()

    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        while not seen.is_set():
            yield Pause(0.01)
        yield Cut(reset=True)

    # With a length, all steps are taken before the head; the cut is then no matter of time.
    if framing == "length":
        seen.set()
    fal.add("acme/app", lambda request: Reply(script(request), framing=framing))
    chunks: list[Any] = []
    with pytest.raises(StreamInterrupted) as caught:
        async for chunk in client.stream("acme/app"):
            chunks.append(chunk)
            seen.set()
    assert chunks in ([1], [] if framing == "length" else [1])
    assert caught.value.chunks_received == len(chunks)
    assert type(caught.value) is StreamInterrupted


async def test_a_length_that_is_not_reached(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply([1, Cut()], framing="length"))
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert type(error) is StreamInterrupted


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ([], "The connection broke after 0 chunks ("),
        ([1], "The connection broke after 1 chunk ("),
        ([1, 2], "The connection broke after 2 chunks ("),
    ],
)
async def test_nothing_was_delivered_where_nothing_came(
    fal: LocalFal, client: AsyncStreamingClient, came: list[int], said: str
) -> None:
    fal.add("acme/app", [Ping(), *came, Cut()])
    chunks, error = await read(client.stream("acme/app"))
    assert (chunks, type(error)) == (came, StreamInterrupted)
    assert isinstance(error, StreamInterrupted)
    assert error.message.startswith(said)
    ending = "; what had arrived was delivered, the rest is lost: " if came else "; "
    assert error.message.endswith("start a new stream")
    assert ("was delivered" in error.message) is bool(came)
    assert error.message.partition(")")[2] == f"{ending}start a new stream"


async def test_nothing_came(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [Ping(), Cut()])
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == []
    assert isinstance(error, StreamInterrupted)
    assert error.chunks_received == 0


async def test_the_server_dies(fal: LocalFal, client: AsyncStreamingClient) -> None:
    def script(_: RecordedRequest) -> Iterator[object]:
        yield 1
        raise RuntimeError("out of memory")

    fal.add("acme/app", script)
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamInterrupted)
    fal.errors.clear()


async def test_tls_that_is_cut_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with LocalFal(ssl_context=context) as fal:
        fal.add("acme/app", [1, Cut()])
        async with AsyncStreamingClient(**fal.settings) as client:
            chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamInterrupted)


async def test_the_client_goes_on_after_a_cut(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/bad", [1, Cut()])
    fal.add("acme/app", [1, 2])
    for _ in range(3):
        assert (await read(client.stream("acme/bad"))).chunks == [1]
        assert await read(client.stream("acme/app")) == Outcome([1, 2], None)


@pytest.mark.parametrize(
    ("tail", "chunk"),
    [
        (b"data: 2\n", 2),
        (b"data: 2\r", 2),
        (b'data: {"n": 2}\n', {"n": 2}),
        (b'data: {"n": 2}\r\n', {"n": 2}),
        (b'data: "two"\n', "two"),
        (b"data: null\n", None),
        (b"data: [\ndata: 2\ndata: ]\n", [2]),
        (b"event: x\nid: 4\ndata: true\n", True),
        (b"data: 2\n: a comment\n", 2),
        (b"data: 2\nid: 3\nevent: x\n", 2),
    ],
)
@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_a_whole_event_without_a_blank_line_is_delivered(
    fal: LocalFal, client: AsyncStreamingClient, tail: bytes, chunk: object, framing: Framing
) -> None:
    fal.add("acme/app", Reply([1, Raw(tail)], framing=framing))
    stream = client.stream("acme/app")
    assert await read(stream) == Outcome([1, chunk], None)
    assert await stream.done() == chunk


@pytest.mark.parametrize(
    "tail",
    [
        b'data: {"n": ',
        b'data: {"n": 2\n',
        b'data: {"n": 2}',
        b'data: "two"',
        b"data: null",
        b"data: [\ndata: 2\ndata: ]",
        b"event: x\nid: 4\ndata: true",
        b'data: {"detail":"boom"}\nevent: er',
        b'data: {"detail":"boom"}\nevent: error',
        b'data: {"detail":"boom"}\nevent:',
        b'data: {"detail":"boom"}\ne',
        b'data: {"detail":"boom"}\nid: 3',
        b'data: {"detail":"boom"}\nretry: 3',
        b'data: {"detail":"boom"}\ndata',
        b'data: {"detail":"boom"}\ndata:',
        b'data: {"detail":"boom"}\nunknown: x',
        b'data: {"detail":"boom"}\n: half a com',
        b'event: error\ndata: {"detail":"boom"}',
        b'data: "tw',
        b"data: nul",
        b"data: 2",
        b"data: -1.5",
        b"data: [\ndata: 2\nda",
        b"data: [2",
        b"da",
        b"data",
        b"data:",
        b"event: error",
        b"event: x\n",
        b"id: 3",
        b"id: 3\n",
        b"retry: 1",
        b"\xef",
        b"data: \xf0\x9f",
    ],
)
@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_half_an_event_is_no_chunk(
    fal: LocalFal, client: AsyncStreamingClient, tail: bytes, framing: Framing
) -> None:
    fal.add("acme/app", Reply([1, Raw(tail)], framing=framing))
    stream = client.stream("acme/app")
    chunks, error = await read(stream)
    assert chunks == [1]
    assert isinstance(error, IncompleteStream)
    assert error.chunks_received == 1
    assert "in the middle of an event" in str(error)
    assert error.request_id == fal.requests[0].request_id
    assert stream.current_data == 1


@pytest.mark.parametrize("tail", [b": ping", b": ping\n", b"retry: 1\n", b"data:\n", b"\n"])
async def test_what_is_pending_and_no_event_is_let_pass(
    fal: LocalFal, client: AsyncStreamingClient, tail: bytes
) -> None:
    fal.add("acme/app", [1, Raw(tail)])
    assert await read(client.stream("acme/app")) == Outcome([1], None)


async def test_a_whole_error_event_without_a_blank_line(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Raw(b"event: error\ndata: out of memory\n")])
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamEventError)
    assert error.data == "out of memory"


@pytest.mark.parametrize("end", [b"\n\n", b"\n", b"\r", b""])
async def test_the_end_mark_needs_no_line_end(
    fal: LocalFal, client: AsyncStreamingClient, end: bytes
) -> None:
    fal.add("acme/app", [1, Raw(b"data: [DONE]" + end)])
    assert await read(client.stream("acme/app")) == Outcome([1], None)


async def test_what_is_cut_after_the_end_mark_is_half_an_event(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Raw(b"data: [DONE]\nevent: er")])
    chunks, error = await read(client.stream("acme/app"))
    assert (chunks, type(error)) == ([1], IncompleteStream)


async def test_listeners_hear_of_a_last_event(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Raw(b'data: "last"\n')])
    heard: list[Any] = []
    stream = client.stream("acme/app").on("data", heard.append).on("done", heard.append)
    await stream.done()
    assert heard == [1, "last", "last"]


async def test_a_clean_end_after_a_name_only(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [Event("1"), Raw(b"event: x\n\n")])
    assert await read(client.stream("acme/app")) == Outcome([1], None)
