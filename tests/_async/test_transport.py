"""The transport by itself, under a client of httpx."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from fal_stream._async.http.connection import AsyncResponseBody
from fal_stream._async.http.transport import AsyncHTTPTransport
from fal_stream.testing import Hang, LocalFal, Raw, Reply
from tests.concurrency import async_until
from tests.faults.servers import RawServer
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
        assert await body.read() == b"one"
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
