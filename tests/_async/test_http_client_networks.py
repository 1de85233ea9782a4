"""What an HTTP client of the user's reaches that the built-in one does not, or does otherwise."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from fal_stream import AsyncStreamingClient, RetryPolicy, StreamConnectionError
from fal_stream.testing import LocalFal, RecordedRequest, tokens
from tests.faults.servers import RawServer, pass_on, tunnel

from .read_stream import read


@pytest.fixture(params=["httpx", "httpx2"])
def package(request: pytest.FixtureRequest) -> Any:
    """The HTTP library."""
    return pytest.importorskip(request.param)


async def streamed(http_client: Any, run_url: str, fal: LocalFal) -> RecordedRequest:
    """Stream by an HTTP client, twice over the same connection; give the last request."""
    fal.add("acme/app", tokens("to be or not", pause=0.001))
    settings: Any = {"run_url": run_url, "credentials": fal.key, "trusted_hosts": ["far.example"]}
    async with AsyncStreamingClient(**settings, http_client=http_client) as client:
        for _ in range(2):
            chunks, error = await read(client.stream("acme/app"))
            assert error is None
            assert chunks[-1]["output"] == "to be or not"
    first, last = fal.requests
    assert first.peer == last.peer
    assert last.headers["authorization"] == f"Key {fal.key}"
    return last


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has none")
async def test_a_unix_domain_socket(fal: LocalFal, package: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "fal")
    address = fal.url.removeprefix("http://")
    with RawServer(lambda client: pass_on(client, address), path=path) as server:
        transport = package.AsyncHTTPTransport(uds=path)
        async with package.AsyncClient(transport=transport) as http_client:
            request = await streamed(http_client, "http://localhost", fal)
        assert server.connected == 1
    assert request.headers["host"] == "localhost"


@pytest.fixture
def far_fal(authority: trustme.CA) -> Iterator[LocalFal]:
    """A server with a certificate of an authority that nobody trusts, which asks for one itself."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("far.example", "127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with LocalFal(ssl_context=context) as server:
        yield server


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """The TLS settings of a client that trusts it, and shows a certificate of its own."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("me@far.example").configure_cert(context)
    return context


async def test_an_authority_and_a_certificate_of_ones_own(
    far_fal: LocalFal, package: Any, trusting: ssl.SSLContext
) -> None:
    async with package.AsyncClient(verify=trusting) as http_client:
        await streamed(http_client, far_fal.url, far_fal)
    async with (
        package.AsyncClient() as http_client,
        AsyncStreamingClient(
            run_url=far_fal.url,
            credentials="a:b",
            retry=RetryPolicy(base_delay=0),
            http_client=http_client,
        ) as client,
    ):
        with pytest.raises(StreamConnectionError, match="SSL_CERT_FILE") as caught:
            await client.stream("acme/app").done()
    assert not caught.value.transient
    assert not caught.value.request_sent


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy(
    far_fal: LocalFal, package: Any, trusting: ssl.SSLContext, authority: trustme.CA, scheme: str
) -> None:
    asked: list[list[bytes]] = []
    context = None
    if scheme == "https":
        if package.__version__.startswith("0.27."):
            pytest.skip("httpx 0.27 doesn't use the `verify` of a client behind such a proxy")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
    address = far_fal.url.removeprefix("https://")
    with RawServer(lambda client: asked.append(tunnel(client, address)), context) as server:
        url = f"{scheme}://me:word@{server.address}"
        proxy = package.Proxy(url, ssl_context=trusting if context else None)
        async with package.AsyncClient(verify=trusting, proxy=proxy) as http_client:
            await streamed(http_client, "https://far.example", far_fal)
    ((first, *others),) = asked
    assert first == b"CONNECT far.example:443 HTTP/1.1"
    assert b"Proxy-Authorization: Basic bWU6d29yZA==" in others


async def test_a_socks_proxy(far_fal: LocalFal, package: Any, trusting: ssl.SSLContext) -> None:
    pytest.importorskip("socksio")
    heard: list[bytes] = []

    def play(client: socket.socket) -> None:
        heard.append(client.recv(1000))
        client.sendall(b"\x05\x00")
        heard.append(client.recv(1000))
        client.sendall(b"\x05\0\0\x01\x7f\0\0\x01\x01\xbb")
        pass_on(client, far_fal.url.removeprefix("https://"))

    with RawServer(play) as server:
        url = f"socks5://{server.address}"
        async with package.AsyncClient(verify=trusting, proxy=url) as http_client:
            await streamed(http_client, "https://far.example", far_fal)
    assert heard[1] == b"\x05\x01\x00\x03\x0bfar.example\x01\xbb"


async def test_a_proxy_that_can_not_reach_it_now(package: Any) -> None:
    def refuse(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

    with RawServer(refuse) as proxy:
        async with (
            package.AsyncClient(proxy=f"http://{proxy.address}") as http_client,
            AsyncStreamingClient(
                run_url="https://far.example",
                credentials="a:b",
                trusted_hosts=["far.example"],
                retry=RetryPolicy(max_retries=2, base_delay=0),
                http_client=http_client,
            ) as client,
        ):
            with pytest.raises(StreamConnectionError, match="502 Bad Gateway"):
                await client.stream("acme/app").done()
        assert proxy.connected == 3
