"""Rows 12 and 25 to 27: no answer; what comes too late, too early, or on what has gone."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    RetryPolicy,
    StreamConnectionError,
)
from fal_stream.testing import Cut, End, Event, Framing, Hang, LocalFal, Pause, Reply, Wire
from tests._async.read_stream import Outcome, read
from tests.concurrency import async_until
from tests.faults.servers import RawServer, TlsSide

from .fault_checks import have_ended

POISON = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b'content-length: 16\r\n\r\ndata: "poison"\n\n'
)


async def test_the_last_chunk_ends_a_stream_that_stays_open(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    rests: dict[str, list[object]] = {
        "silence": [Hang()],
        "more chunks": [3, 4, Hang()],
        "pings": [Event(""), Hang()],
        "half an event": [Event("3"), Wire(b"5\r\nda"), Hang()],
        "a break": [Cut()],
    }
    for rest in rests.values():
        either_fal.add("acme/app", [1, 2, *rest])
        stream = client.stream("acme/app", is_final=lambda chunk: chunk == 2, timeout=None)
        assert await read(stream) == Outcome([1, 2], None)
        assert await stream.done() == 2
        assert stream.closed
    await have_ended(either_fal)


@pytest.mark.parametrize("framing", ["chunked", "length"])
@pytest.mark.parametrize("pause", [[], [Pause(0.05)]], ids=["at once", "later"])
async def test_what_follows_the_end_is_no_answer(
    either_fal: LocalFal, client: AsyncStreamingClient, framing: Framing, pause: list[object]
) -> None:
    either_fal.add("acme/app", Reply([1, End(), *pause, Wire(POISON)], framing=framing))
    either_fal.add("acme/other", [2])
    for _ in range(3):
        assert await read(client.stream("acme/app")) == Outcome([1], None)
        await async_until(either_fal.requests[-1].finished.is_set)
        assert await read(client.stream("acme/other")) == Outcome([2], None)


async def test_what_follows_the_end_while_the_connection_stays_open(
    tls_context: ssl.SSLContext,
) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n%b\r\n%b"
    chunked = answer % (b"transfer-encoding: chunked\r\n", b"9\r\ndata: 1\n\n\r\n0\r\n\r\n")
    sized = answer % (b"content-length: 9\r\n", b"data: 1\n\n")

    for context in (None, tls_context):
        for sent in (chunked, sized):

            def play(client: socket.socket, sent: bytes = sent) -> None:
                client.recv(10_000)
                client.sendall(sent + POISON)
                while client.recv(10_000):
                    pass

            with RawServer(play, context) as server:
                url = f"{'https' if context else 'http'}://{server.address}"
                async with AsyncStreamingClient(
                    run_url=url, credentials="a:b", retry=None
                ) as client:
                    for _ in range(2):
                        stream = client.stream("acme/app")
                        assert await read(stream) == Outcome([1], None)
                assert server.connected == 2


async def test_an_answer_before_the_request_is_read(tls_context: ssl.SSLContext) -> None:
    body = b'{"detail": "too large"}'
    head = b"HTTP/1.1 413 x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"

    def play(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(head % len(body) + body)
        while client.recv(1 << 20):
            pass

    for scheme, context in (("http", None), ("https", tls_context)):
        with RawServer(play, context) as server:
            url = f"{scheme}://{server.address}"
            async with AsyncStreamingClient(run_url=url, credentials="a:b", retry=None) as client:
                stream = client.stream("acme/app", input={"x": "y" * 10_000_000})
                with pytest.raises(ApiError, match="too large") as caught:
                    await stream.done()
        assert caught.value.status == 413
        assert server.connected == 1


async def test_a_stale_connection_is_replaced(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, End(), Pause(0.01), Cut(in_chunk=False)])
    async with AsyncStreamingClient(**either_fal.settings) as client:
        for _ in range(4):
            assert await client.stream("acme/app", input={"a": 1}).done() == 1
            await async_until(either_fal.requests[-1].finished.is_set)
    assert len(either_fal.requests) == 4
    assert len({request.peer for request in either_fal.requests}) == 4


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("is_first", [False, True], ids=["kept", "new"])
async def test_a_request_that_was_sent_is_not_sent_again(
    either_fal: LocalFal, reset: bool, is_first: bool
) -> None:
    either_fal.add("acme/warm", [1])
    either_fal.add("acme/app", Reply([Cut(reset=reset, in_chunk=False)], head=b""))
    settings: dict[str, Any] = {**either_fal.settings, "retry": RetryPolicy(base_delay=0)}
    async with AsyncStreamingClient(**settings) as client:
        if not is_first:
            assert await client.stream("acme/warm").done() == 1
        with pytest.raises(StreamConnectionError) as caught:
            await client.stream("acme/app", input={"a": 1}).done()
        assert caught.value.request_sent
        assert [request.path for request in either_fal.requests].count("/acme/app/stream") == 1
        assert await client.stream("acme/warm").done() == 1


async def test_an_answer_that_comes_with_the_end_of_the_handshake(
    tls_context: ssl.SSLContext,
) -> None:
    tls_context.maximum_version = ssl.TLSVersion.TLSv1_2  # in which the server ends it

    def play(client: socket.socket) -> None:
        TlsSide(client, tls_context, b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy")
        while client.recv(65536):
            pass

    with RawServer(play) as server:
        url = f"https://{server.address}"
        async with AsyncStreamingClient(
            run_url=url, credentials="a:b", retry=None, start_timeout=10
        ) as client:
            with pytest.raises(ApiError, match="answered 503: busy"):
                await client.stream("acme/app").done()


async def test_a_connection_that_tls_has_ended_is_not_used_again(
    tls_context: ssl.SSLContext,
) -> None:
    def play(client: socket.socket) -> None:
        side = TlsSide(client, tls_context)
        side.read()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\n"
        client.sendall(side.record(head + b"data: 1\n\n") + side.last_word())
        while client.recv(65536):
            pass

    with RawServer(play) as server:
        url = f"https://{server.address}"
        async with AsyncStreamingClient(run_url=url, credentials="a:b", retry=None) as client:
            for _ in range(3):
                assert await client.stream("acme/app").done() == 1
        assert server.connected == 3


@pytest.mark.parametrize("in_handshake", [False, True], ids=["after", "in the handshake"])
async def test_a_tls_server_that_leaves_at_once(
    tls_context: ssl.SSLContext, in_handshake: bool
) -> None:
    """However its leave-taking meets the request: in a write, in a wait, before it."""
    with RawServer(lambda client: None, None if in_handshake else tls_context) as server:
        settings: dict[str, Any] = {"run_url": f"https://{server.address}", "credentials": "a:b"}
        async with AsyncStreamingClient(**settings, retry=None, start_timeout=5) as client:
            for _ in range(20):
                chunks, error = await read(client.stream("acme/app", input={"a": 1}))
                assert chunks == []
                assert type(error) is StreamConnectionError
                assert not (in_handshake and error.request_sent)


@pytest.mark.parametrize("in_handshake", [False, True])
async def test_what_is_said_of_a_tls_server_that_leaves(
    tls_context: ssl.SSLContext, in_handshake: bool
) -> None:
    """Where the handshake has succeeded, the server can't be one of plain HTTP."""
    context = None if in_handshake else tls_context
    with RawServer(lambda client: client.recv(10_000), context) as server:
        settings: dict[str, Any] = {"run_url": f"https://{server.address}", "credentials": "a:b"}
        async with AsyncStreamingClient(**settings, retry=None, start_timeout=5) as client:
            _, error = await read(client.stream("acme/app", input={"a": 1}))
    assert type(error) is StreamConnectionError
    assert ("if it speaks plain HTTP" in str(error)) is in_handshake
    assert ("closed the connection without an answer" in str(error)) is not in_handshake
