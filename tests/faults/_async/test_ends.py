"""Rows 1 to 5: streams that end before their time, or in a way that is no end."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fal_stream import (
    AsyncStreamingClient,
    FalStreamError,
    IncompleteStream,
    StreamConnectionError,
    StreamInterrupted,
)
from fal_stream.testing import Cut, Framing, Hang, LocalFal, Pause, Raw, Reply, Wire
from tests._async.read_stream import read
from tests.faults.fault import Fault
from tests.faults.servers import RawServer, TlsSide

from .fault_checks import check_fault, check_unharmed

HALF = Raw(b'data: {"n": ')
TWO = b'data: {"n": 2}\n\n'


async def reset(fal: LocalFal, framing: Framing) -> tuple[list[Any], FalStreamError | None]:
    """Read a stream that is reset after a chunk, and see that its client goes on."""
    # A reset drops what has not been read, so it waits until the chunk was.
    seen = threading.Event()

    def script() -> Iterator[object]:
        yield 1
        while not seen.is_set():
            yield Pause(0.005)
        yield Cut(reset=True)

    fal.add("acme/app", lambda request: Reply(script(), framing=framing))
    async with AsyncStreamingClient(**fal.settings, retry=None) as client:
        stream = client.stream("acme/app").on("data", lambda chunk: seen.set())
        outcome = await read(stream)
        await check_unharmed(fal, client)
    return outcome


async def test_a_reset_in_a_chunk(either_fal: LocalFal) -> None:
    chunks, error = await reset(either_fal, "chunked")
    assert chunks == [1]
    assert type(error) is StreamInterrupted
    assert error.chunks_received == 1


async def test_a_reset_of_a_body_that_the_connection_ends(either_fal: LocalFal) -> None:
    chunks, error = await reset(either_fal, "close")
    assert chunks == [1]
    assert type(error) is StreamInterrupted
    assert error.chunks_received == 1


@pytest.mark.parametrize("says_so", [True, False])
async def test_an_end_of_tls(tls_context: ssl.SSLContext, says_so: bool) -> None:
    """RFC 9112, section 9.8: without the alert the body is not complete."""
    stream_of_one = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n"

    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(stream_of_one)
        if says_so:
            assert isinstance(client, ssl.SSLSocket)
            client.unwrap()

    with RawServer(play, tls_context) as server:
        url = f"https://{server.address}"
        async with AsyncStreamingClient(run_url=url, credentials="a:b", retry=None) as client:
            chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamInterrupted) is not says_so


@pytest.mark.parametrize("broken", [b"\x15\x03\x03\x00\x02\x02\x28", b"HTTP/1.1 200 OK\r\n"])
async def test_a_break_of_tls_together_with_a_chunk(
    tls_context: ssl.SSLContext, broken: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"

    def play(client: socket.socket) -> None:
        side = TlsSide(client, tls_context)
        side.read()
        client.sendall(side.record(head + b"data: 1\n\n") + broken)
        while client.recv(65536):
            pass

    with RawServer(play) as server:
        url = f"https://{server.address}"
        async with AsyncStreamingClient(run_url=url, credentials="a:b", timeout=10) as client:
            chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert type(error) is StreamInterrupted
    assert "SSL" in error.message


CUTS = {
    "in a chunk": [1, Cut()],
    "in a chunk with a part of it": [1, Cut(partial=b"data: ")],
    "in an event of a chunk": [1, HALF, Cut(partial=b"2")],
    "between two chunks": [1, Cut(in_chunk=False)],
    "in the size of a chunk": [1, Wire(b"5"), Cut(in_chunk=False)],
    "before the last line": [1, Wire(b"0\r\n"), Cut(in_chunk=False)],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
async def test_a_cut(either_fal: LocalFal, client: AsyncStreamingClient, cut: list[object]) -> None:
    await check_fault(either_fal, client, Fault(cut, StreamInterrupted, (1,), "after 1 chunk"))


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_half_an_event(
    either_fal: LocalFal, client: AsyncStreamingClient, framing: Framing
) -> None:
    script = Reply([1, HALF], framing=framing)
    await check_fault(
        either_fal, client, Fault(script, IncompleteStream, (1,), "middle of an event")
    )


def sized(length: int) -> Reply:
    """A reply of 1 and {"n": 2} whose `Content-Length` is another one."""
    return Reply([1, Raw(TWO)], headers={"content-length": str(length)}, framing="close")


ONE = len(b"data: 1\n\n")

LENGTHS = {
    "too long": Fault(sized(ONE + len(TWO) + 1), StreamInterrupted, (1, {"n": 2})),
    "too short, in an event": Fault(sized(ONE + 11), IncompleteStream, (1,), "middle of an event"),
    "too short, in a name": Fault(sized(ONE + 3), IncompleteStream, (1,), "middle of an event"),
    "too short, between events": Fault(sized(ONE), None, (1,)),
    "too short for a line end": Fault(
        sized(ONE + len(TWO) - 2), IncompleteStream, (1,), "middle of an event"
    ),
    "too short for an empty line": Fault(sized(ONE + len(TWO) - 1), None, (1, {"n": 2})),
}


@pytest.mark.parametrize("fault", LENGTHS.values(), ids=LENGTHS)
async def test_a_wrong_length(
    either_fal: LocalFal, client: AsyncStreamingClient, fault: Fault
) -> None:
    await check_fault(either_fal, client, fault)


BAD_FRAMING = {
    "no number": b"zz\r\ndata: 4\n\n\r\n",
    "negative": b"-5\r\ndata: 4\n\n\r\n",
    "a sign": b"+5\r\ndata: 4\n\n\r\n",
    "0x": b"0x5\r\ndata: 4\n\n\r\n",
    "empty": b"\r\ndata: 4\n\n\r\n",
    "overflow": b"f" * 20 + b"\r\ndata: 4\n\n",
    "longer than said": b"4\r\ndata: 4\n\n\r\n",
}


@pytest.mark.parametrize("wire", BAD_FRAMING.values(), ids=BAD_FRAMING)
async def test_a_bad_chunk(either_fal: LocalFal, client: AsyncStreamingClient, wire: bytes) -> None:
    script = [1, Wire(wire), Hang()]
    await check_fault(either_fal, client, Fault(script, StreamInterrupted, (1,), "after 1 chunk"))


TWO_WAYS = {
    "chunks and a length": b"transfer-encoding: chunked\r\ncontent-length: 5",
    "a length and chunks": b"content-length: 5\r\ntransfer-encoding: chunked",
    "two lengths": b"content-length: 5\r\ncontent-length: 6",
    "two lengths in one": b"content-length: 5, 6",
    "chunks twice": b"transfer-encoding: chunked, chunked",
    "no length": b"content-length: -1",
}


@pytest.mark.parametrize("fields", TWO_WAYS.values(), ids=TWO_WAYS)
async def test_a_body_that_can_be_read_in_two_ways(
    either_fal: LocalFal, client: AsyncStreamingClient, fields: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + fields + b"\r\n\r\n"
    script = Reply([Wire(b"data: 1\n\n"), Hang()], head=head)
    await check_fault(
        either_fal, client, Fault(script, StreamConnectionError, says="No answer|not valid HTTP")
    )
