"""The transport by itself, under a client of httpx."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from fal_stream._async.http.connection import AsyncResponseBody
from fal_stream._async.http.transport import AsyncHTTPTransport
from fal_stream.testing import Hang, LocalFal, Pause, Raw, Reply
from tests.concurrency import async_sleep, async_until
from tests.faults.servers import RawServer, reset_at_close
from tests.sockets import MuteServer

KEY = {"authorization": "Key local-id:local-secret"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = AsyncHTTPTransport()
    async with httpx.AsyncClient(transport=transport, timeout=20, headers=KEY) as client:
        yield client


def document(*steps: object, **options: object) -> Reply:
    return Reply(list(steps), content_type="text/plain", **options)  # type: ignore[arg-type]


async def test_requests_share_a_connection(either_fal: LocalFal, http: httpx.AsyncClient) -> None:
    either_fal.add("acme/app", document(Raw(b"one"), Raw(b"two"), headers={"x-mine": "1"}))
    for _ in range(3):
        response = await http.post(f"{either_fal.url}/acme/app/stream", json={"a": 1})
        assert (response.status_code, response.text) == (200, "onetwo")
        assert response.headers["x-mine"] == "1"
        assert response.http_version == "HTTP/1.1"
    assert [request.json() for request in either_fal.requests] == [{"a": 1}] * 3
    assert len({request.peer for request in either_fal.requests}) == 1


async def test_a_response_that_is_read_as_it_comes(fal: LocalFal, http: httpx.AsyncClient) -> None:
    fal.add("acme/app", document(Raw(b"one"), Hang()))
    async with http.stream("POST", f"{fal.url}/acme/app/stream") as response:
        body = response.extensions["network_stream"]
        assert isinstance(body, AsyncResponseBody)
        assert await body.next_data() == b"one"
    await async_until(fal.requests[0].gone.is_set)


async def test_a_body_of_unknown_length(fal: LocalFal, http: httpx.AsyncClient) -> None:
    fal.add("acme/app", document(Raw(b"ok")))

    async def body() -> AsyncIterator[bytes]:
        for piece in (b"one", b"", b"two" * 100_000):
            yield piece

    response = await http.post(f"{fal.url}/acme/app/stream", content=body())
    assert response.text == "ok"
    assert fal.requests[0].body == b"one" + b"two" * 100_000


async def test_limits_of_httpx(mute: MuteServer) -> None:
    timeout = httpx.Timeout(0.1)
    async with httpx.AsyncClient(transport=AsyncHTTPTransport(), timeout=timeout) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"no answer came in 0\.3 s"):
            await client.get(f"http://{mute.address}/")
    assert mute.abandoned


async def test_a_limit_in_the_body(fal: LocalFal) -> None:
    fal.add("acme/app", document(Raw(b"one"), Hang()))
    timeout = httpx.Timeout(20, read=0.2)
    transport = AsyncHTTPTransport()
    async with httpx.AsyncClient(transport=transport, timeout=timeout, headers=KEY) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"nothing came for 0\.2 s"):
            await client.post(f"{fal.url}/acme/app/stream")
    await async_until(fal.requests[0].gone.is_set)


async def test_what_breaks_is_an_error_of_httpx(http: httpx.AsyncClient) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError, match="refused"):
            await http.get(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    with pytest.raises(httpx.UnsupportedProtocol, match="ftp://"):
        await http.get("ftp://127.0.0.1/")
    answers = {
        b"SSH-2.0-OpenSSH\r\n": (httpx.RemoteProtocolError, "does not begin as one of HTTP/1.1"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab": (httpx.ReadError, "before the body did"),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n": (
            httpx.RemoteProtocolError,
            "chunk size",
        ),
        b"": (httpx.ReadError, "without an answer"),
        b"HTTP/1.1 100 Continue\r\n\r\n": (httpx.ReadError, "without an answer"),
        b"HTTP/1.1 200 OK\r\ncontent-le": (httpx.ReadError, "middle of the response head"),
    }
    for answer, (error, message) in answers.items():

        def play(client: socket.socket, answer: bytes = answer) -> None:
            client.recv(10_000)
            client.sendall(answer)

        with RawServer(play) as server, pytest.raises(error, match=message):
            await http.get(f"http://{server.address}/")


async def test_what_comes_behind_a_response_without_a_body(http: httpx.AsyncClient) -> None:
    """Such a connection is not used again (RFC 9112, section 6.3): it could be the next answer."""
    surplus = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad"
    for head in (
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 307 Away\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ):

        def play(client: socket.socket, answer: bytes = head + surplus) -> None:
            while client.recv(10_000):
                client.sendall(answer)

        with RawServer(play) as server:
            for _ in range(3):
                response = await http.get(f"http://{server.address}/")
                assert response.text != "bad"
            assert server.connected == 3


async def test_the_limit_for_a_read_begins_anew_with_each(fal: LocalFal) -> None:
    fal.add("acme/app", document(*[Raw(b"x"), Pause(0.1)] * 15))
    timeout = httpx.Timeout(20, read=1)
    transport = AsyncHTTPTransport()
    async with httpx.AsyncClient(transport=transport, timeout=timeout, headers=KEY) as client:
        response = await client.post(f"{fal.url}/acme/app/stream")
    assert response.text == "x" * 15


async def test_the_time_of_a_slow_consumer_does_not_count(fal: LocalFal) -> None:
    fal.add("acme/app", document(Raw(b"x"), Pause(0.5), Raw(b"y")))
    timeout = httpx.Timeout(20, read=0.4)
    transport = AsyncHTTPTransport()
    async with (
        httpx.AsyncClient(transport=transport, timeout=timeout, headers=KEY) as client,
        client.stream("POST", f"{fal.url}/acme/app/stream") as response,
    ):
        assert isinstance(response.stream, httpx.AsyncByteStream)
        pieces: list[bytes] = []
        async for piece in response.stream:
            pieces.append(piece)
            await async_sleep(0.6)
    assert pieces == [b"x", b"y"]


async def test_a_body_that_can_be_read_once_is_sent_whole(http: httpx.AsyncClient) -> None:
    """The idle connection ends while the first piece of the body is made."""
    is_asked, has_ended = threading.Event(), threading.Event()
    bodies: list[bytes] = []

    def play(client: socket.socket) -> None:
        request = b""
        while not request.endswith((b"\r\n\r\n", b"onetwo")):
            request += client.recv(10_000)
        bodies.append(request.partition(b"\r\n\r\n")[2])
        client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        if len(bodies) == 1:
            is_asked.wait(20)
            reset_at_close(client)
            client.close()
            has_ended.set()

    async def body() -> AsyncIterator[bytes]:
        is_asked.set()
        await async_until(has_ended.is_set)
        yield b"one"
        yield b"two"

    with RawServer(play) as server:
        assert (await http.get(f"http://{server.address}/")).text == "ok"
        headers = {"content-length": "6"}
        response = await http.post(f"http://{server.address}/", content=body(), headers=headers)
        assert response.text == "ok"
        assert server.connected == 2
    assert bodies == [b"", b"onetwo"]


async def test_what_a_body_raises_is_not_the_networks(http: httpx.AsyncClient) -> None:
    """The transport doesn't take it for a broken connection, and waits for no response."""
    failure = OSError("the disk is gone")

    async def body(pieces: list[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        raise failure

    with RawServer(lambda client: client.recv(10_000) and client.recv(10_000)) as server:
        for pieces in ([], [b"one"]):
            with pytest.raises(OSError, match="the disk is gone") as caught:
                await http.post(f"http://{server.address}/", content=body(pieces))
            assert caught.value is failure


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"content-length": "1"}, "has 3 or more bytes, and Content-Length says 1"),
        ({"content-length": "30"}, "has 6 bytes, and Content-Length says 30"),
        ({"content-length": "+6"}, "not a number"),
        ({"content-length": "6", "transfer-encoding": "chunked"}, "more than once"),
        ({"transfer-encoding": "gzip, chunked"}, "not chunked"),
    ],
)
async def test_a_request_that_could_be_read_as_two(
    http: httpx.AsyncClient, headers: dict[str, str], message: str
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    with (
        RawServer(lambda client: client.recv(10_000)) as server,
        pytest.raises(httpx.LocalProtocolError, match=message),
    ):
        await http.post(f"http://{server.address}/", content=body(), headers=headers)


async def test_bytes_of_another_length_are_not_sent(http: httpx.AsyncClient) -> None:
    heard: list[bytes] = []
    with RawServer(lambda client: heard.append(client.recv(10_000))) as server:
        for length in ("5", "7"):
            with pytest.raises(httpx.LocalProtocolError, match="Content-Length"):
                await http.post(
                    f"http://{server.address}/",
                    content=b"onetwo",
                    headers={"content-length": length},
                )
        assert server.connected == 0
    assert heard == []


async def test_bytes_are_sent_as_a_chunk_if_the_head_says_so(
    fal: LocalFal, http: httpx.AsyncClient
) -> None:
    fal.add("acme/app", document(Raw(b"ok")))
    for content in (b"one", b""):
        request = httpx.Request(
            "POST",
            f"{fal.url}/acme/app/stream",
            headers={**KEY, "transfer-encoding": "chunked"},
            stream=httpx.ByteStream(content),
        )
        assert (await http.send(request)).status_code == 200
    assert [request.body for request in fal.requests] == [b"one", b""]
