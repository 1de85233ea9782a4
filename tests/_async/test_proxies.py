"""Proxies of the network: CONNECT, SOCKS5, and addresses that a proxy forwards."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    FalStreamError,
    RetryPolicy,
    StreamConnectionError,
)
from tests.concurrency import async_until
from tests.faults.servers import RawServer

ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\ndata: 1\n\n"
)
QUICK = RetryPolicy(max_retries=2, base_delay=0.01)


@contextlib.contextmanager
def proxy_of(
    play: Callable[[socket.socket], object],
    scheme: str = "http",
    context: ssl.SSLContext | None = None,
    user: str = "",
) -> Iterator[RawServer]:
    """A proxy that the environment names."""
    with RawServer(play, context) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("all_proxy", f"{scheme}://{user}{server.address}")
        yield server


def outside(scheme: str = "https", **settings: Any) -> AsyncStreamingClient:
    """A client of a host that is reached through the proxy only."""
    return AsyncStreamingClient(
        run_url=f"{scheme}://far.example",
        headers={"authorization": "Key a:b"},
        **settings,
    )


@pytest.fixture
def far_context(authority: trustme.CA, tls_context: ssl.SSLContext) -> ssl.SSLContext:
    """The context of the host behind the proxy, with a certificate that clients trust."""
    assert tls_context.cert_store_stats()  # the authority is trusted by it
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("far.example").configure_cert(context)
    return context


def serve_behind(client: socket.socket, context: ssl.SSLContext) -> None:
    """Be the host behind the proxy."""
    with context.wrap_socket(client, server_side=True) as secure:
        while secure.recv(10_000):
            secure.sendall(ANSWER)


async def test_connect(far_context: ssl.SSLContext) -> None:
    heads: list[bytes] = []

    def play(client: socket.socket) -> None:
        heads.append(client.recv(10_000))
        for byte in b"HTTP/1.0 200 Connection established\r\nx: y\r\n\r\n":
            client.sendall(bytes([byte]))
        serve_behind(client, far_context)

    with proxy_of(play, user="me:a%20b@") as proxy:
        async with outside() as client:
            for _ in range(2):
                assert await client.stream("acme/app").done() == 1
        assert proxy.connected == 1
    lines = heads[0].split(b"\r\n")
    assert lines[0] == b"CONNECT far.example:443 HTTP/1.1"
    assert b"Host: far.example:443" in lines
    assert b"Proxy-Authorization: Basic " + b64encode(b"me:a b") in lines
    assert b"authorization: Key a:b" not in heads[0].lower()


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_not_there(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("all_proxy", f"{scheme}://me:secret@{address}")
        async with outside(retry=None) as client:
            with pytest.raises(StreamConnectionError, match=f"the proxy {address}") as caught:
                await client.stream("acme/app").done()
    assert "HTTPS_PROXY" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Forbidden"])
async def test_what_a_proxy_refuses_is_final(status: str) -> None:
    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())

    with proxy_of(play, user="user:last-months-password@") as proxy:
        # The default address has a backup host, which the proxy must not be asked for either.
        async with AsyncStreamingClient(
            run_url="https://fal.run", credentials="a:b", retry=QUICK
        ) as client:
            with pytest.raises(StreamConnectionError, match=status) as caught:
                await client.stream("acme/app").done()
        assert proxy.connected == 1
    assert not caught.value.transient
    assert not caught.value.request_sent
    assert "HTTPS_PROXY" in str(caught.value)
    assert "password" not in str(caught.value)


async def test_what_a_proxy_can_not_do_is_tried_again() -> None:
    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

    with proxy_of(play) as proxy:
        async with outside(retry=QUICK) as client:
            with pytest.raises(StreamConnectionError, match="502 Bad Gateway") as caught:
                await client.stream("acme/app").done()
        assert proxy.connected == 3
    assert caught.value.transient


async def test_what_is_no_proxy() -> None:
    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(b"SSH-2.0-OpenSSH_9\r\n")

    with proxy_of(play) as proxy:
        async with outside(retry=QUICK) as client:
            with pytest.raises(StreamConnectionError, match="proxy doesn't speak HTTP"):
                await client.stream("acme/app").done()
        assert proxy.connected == 1


@pytest.mark.parametrize("is_secure", [False, True])
async def test_an_address_that_is_forwarded(is_secure: bool, tls_context: ssl.SSLContext) -> None:
    heads: list[bytes] = []

    def play(client: socket.socket) -> None:
        while data := client.recv(10_000):
            heads.append(data)
            client.sendall(ANSWER)

    scheme = "https" if is_secure else "http"
    with proxy_of(play, scheme, tls_context if is_secure else None, user="me:secret@") as proxy:
        async with outside("http") as client:
            for _ in range(2):
                assert await client.stream("acme/app", input={"a": 1}).done() == 1
        assert proxy.connected == 1
    lines = heads[0].split(b"\r\n")
    assert lines[0] == b"POST http://far.example/acme/app/stream HTTP/1.1"
    assert b"Host: far.example" in lines
    assert b"Proxy-Authorization: Basic " + b64encode(b"me:secret") in lines


async def test_a_login_that_a_forwarding_proxy_wants() -> None:
    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    with proxy_of(play) as proxy:
        async with outside("http", retry=QUICK) as client:
            with pytest.raises(ApiError, match=r"407.*HTTP_PROXY") as caught:
                await client.stream("acme/app").done()
        assert proxy.connected == 1
    assert caught.value.status == 407


async def test_a_login_that_a_tunnelling_proxy_wants() -> None:
    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with proxy_of(play):
        async with outside() as client:
            with pytest.raises(StreamConnectionError, match=r"put the login .*HTTPS_PROXY"):
                await client.stream("acme/app").done()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_login_that_a_proxy_repeats(scheme: str) -> None:
    """As some do that show the request which they could not serve."""

    def play(client: socket.socket) -> None:
        head = client.recv(10_000)
        login = b"me:correct-horse, " + head.partition(b"Basic ")[2].partition(b"\r\n")[0]
        client.sendall(
            b"HTTP/1.1 502 Not for %b\r\nx-login: %b\r\ncontent-type: text/plain\r\n"
            b"content-length: %d\r\n\r\n%b" % (login, login, len(login), login)
        )

    with proxy_of(play, user="me:correct-horse@"):
        async with outside(scheme, retry=None) as client:
            with pytest.raises(FalStreamError, match=r"502.*\*\*\*") as caught:
                await client.stream("acme/app").done()
    shown = f"{caught.value!r} {vars(caught.value)}"
    assert "horse" not in shown
    assert b64encode(b"me:correct-horse").decode().rstrip("=") not in shown


async def test_a_proxy_whose_interim_response_can_be_read_in_two_ways() -> None:
    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(b"HTTP/1.1 102 Wait\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n")

    with proxy_of(play):
        async with outside() as client:
            with pytest.raises(StreamConnectionError, match="proxy doesn't speak HTTP"):
                await client.stream("acme/app").done()


async def test_a_proxy_that_speaks_plain_http() -> None:
    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with proxy_of(play, "https"):
        async with outside("http", retry=None) as client:
            with pytest.raises(StreamConnectionError, match="the proxy seems to speak plain HTTP"):
                await client.stream("acme/app").done()


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize(
    "host", [f"{'a' * 64}.example", "a." * 130 + "example", ".far.example", "far..example"]
)
async def test_a_host_name_that_can_not_be_one(scheme: str, host: str) -> None:
    """No name is looked up here, so TLS or SOCKS would be the first that can't take it."""
    with proxy_of(lambda client: None, scheme) as proxy:
        headers = {"authorization": "Key a:b"}
        async with AsyncStreamingClient(run_url=f"https://{host}", headers=headers) as client:
            with pytest.raises(StreamConnectionError, match="check the host name") as caught:
                await client.stream("acme/app").done()
        assert proxy.connected == 0
    assert "is not a valid host name" in str(caught.value)
    assert not caught.value.transient


async def test_tls_inside_of_tls(tls_context: ssl.SSLContext) -> None:
    with proxy_of(lambda client: client.recv(1), "https", tls_context) as proxy:
        async with outside(retry=QUICK) as client:
            with pytest.raises(StreamConnectionError, match=r"socks5://.*http_client") as caught:
                await client.stream("acme/app").done()
        assert proxy.connected == 0
    assert not caught.value.transient


class Socks:
    """A SOCKS5 proxy that says each byte by itself.

    Args:
        method: The way to log in that it chooses.
        context: The TLS settings of the host behind it.
        reply: What it replies to CONNECT.
        is_welcome: Whether it takes the user and the password.
    """

    def __init__(
        self, method: int, context: ssl.SSLContext, reply: bytes = b"", is_welcome: bool = True
    ) -> None:
        self._method = method
        self._context = context
        self._reply = reply or b"\x05\0\0\x03\x0bfar.example\x01\xbb"
        self._is_welcome = is_welcome
        self.heard: list[bytes] = []

    def __call__(self, client: socket.socket) -> None:
        self.heard.append(client.recv(1000))
        self._say(client, bytes([5, self._method]))
        if self._method == 2:
            self.heard.append(client.recv(1000))
            self._say(client, b"\x01\x00" if self._is_welcome else b"\x01\x01")
        self.heard.append(client.recv(1000))
        self._say(client, self._reply)
        serve_behind(client, self._context)

    def _say(self, client: socket.socket, data: bytes) -> None:
        for byte in data:
            client.sendall(bytes([byte]))


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize(
    "reply", [b"", b"\x05\0\0\x01\1\2\3\4\0\x50", b"\x05\0\0\x04" + bytes(16) + b"\0\x50"]
)
async def test_socks(scheme: str, reply: bytes, far_context: ssl.SSLContext) -> None:
    pytest.importorskip("socksio")
    socks = Socks(0, far_context, reply)
    with proxy_of(socks, scheme) as proxy:
        async with outside() as client:
            for _ in range(2):
                assert await client.stream("acme/app").done() == 1
        assert proxy.connected == 1
    assert socks.heard == [b"\x05\x01\x00", b"\x05\x01\x00\x03\x0bfar.example\x01\xbb"]


async def test_socks_with_a_password(far_context: ssl.SSLContext) -> None:
    pytest.importorskip("socksio")
    socks = Socks(2, far_context)
    with proxy_of(socks, "socks5", user="me:s%C3%BC@"):
        async with outside() as client:
            assert await client.stream("acme/app").done() == 1
    assert socks.heard[:2] == [b"\x05\x01\x02", b"\x01\x02me\x03s\xc3\xbc"]


@pytest.mark.parametrize(
    ("method", "user", "reply", "is_welcome", "message", "is_final"),
    [
        (0xFF, "", b"", True, "wants another way to log in", True),
        (2, "me:secret@", b"", False, "refused the user or the password", True),
        (0, "", b"\x05\x02\0\x01\0\0\0\0\0\0", True, "does not allow this connection", True),
        (0, "", b"\x05\x05\0\x01\0\0\0\0\0\0", True, "connection refused", False),
        (0, "", b"\x04\x00\0\x01\0\0\0\0\0\0", True, "doesn't speak SOCKS", True),
        (0, "", b"\x05\x63\0\x01\0\0\0\0\0\0", True, "doesn't speak SOCKS", True),
        (0, "", b"\x05\x00\0\x07\0\0\0\0\0\0", True, "doesn't speak SOCKS", True),
    ],
)
async def test_socks_that_fails(
    method: int,
    user: str,
    reply: bytes,
    is_welcome: bool,
    message: str,
    is_final: bool,
    far_context: ssl.SSLContext,
) -> None:
    pytest.importorskip("socksio")
    socks = Socks(method, far_context, reply, is_welcome)
    with proxy_of(socks, "socks5", user=user) as proxy:
        async with outside(retry=QUICK) as client:
            with pytest.raises(StreamConnectionError, match=message) as caught:
                await client.stream("acme/app").done()
        assert proxy.connected == (1 if is_final else 3)
    assert caught.value.transient is not is_final
    assert "secret" not in str(caught.value)


class Relay:
    """Passes bytes on to a server, and counts the flights of the client.

    A flight is what one side sends before the other side answers. Each costs a round trip, and so
    does connecting.

    Attributes:
        flights: How often the client has sent something after the server had, or at first.
        connected: How many connections there were.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self._target = host, int(port)
        self._lock = threading.Lock()
        self.flights = self.connected = 0

    def __call__(self, client: socket.socket) -> None:
        turns: list[str] = []
        self.connected += 1
        with socket.create_connection(self._target) as server:
            back = threading.Thread(target=self._pass, args=[server, client, "server", turns])
            back.start()
            self._pass(client, server, "client", turns)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join(20)

    def _pass(
        self, source: socket.socket, target: socket.socket, name: str, turns: list[str]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    if turns[-1:] != [name]:
                        turns.append(name)
                        self.flights += name == "client"
                target.sendall(data)


async def test_round_trips(tls_context: ssl.SSLContext) -> None:
    def play(client: socket.socket) -> None:
        while client.recv(10_000):
            client.sendall(ANSWER)

    # Or the server would have something to say after the handshake.
    tls_context.num_tickets = 0
    with RawServer(play, tls_context) as server:
        relay = Relay(server.address)
        with RawServer(relay) as between:
            settings: Any = {"run_url": f"https://{between.address}", "credentials": "a:b"}
            async with AsyncStreamingClient(**settings) as client:
                assert await client.stream("acme/app").done() == 1
                # One to connect, one for the TLS handshake, one for the request.
                assert relay.connected + relay.flights == 3
                assert await client.stream("acme/app").done() == 1
                assert relay.connected + relay.flights == 4
            async with AsyncStreamingClient(**settings) as client:
                await client.preconnect()
                await async_until(lambda: relay.connected + relay.flights == 4 + 3)
                assert await client.stream("acme/app").done() == 1
                # What was last said in the handshake and the request are one flight.
                assert relay.connected + relay.flights == 4 + 3
