from __future__ import annotations

import asyncio
import logging
import math
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

import fal_stream
from fal_stream.errors import ConfigError, FalStreamError
from fal_stream.testing import (
    Cut,
    Hang,
    LocalFal,
    Pause,
    RecordedRequest,
    Reply,
    tokens,
)
from tests import tls
from tests.testing.raw_client import RawClient, fetch, split_chunks


def stop_promptly(fal: LocalFal) -> None:
    began = time.monotonic()
    fal.stop()
    # Far more than it takes; a wait for a client would be endless.
    assert time.monotonic() - began < 5
    assert not any(thread.name == "LocalFal" for thread in threading.enumerate())


def test_start_and_stop_by_hand() -> None:
    fal = LocalFal()
    with pytest.raises(ConfigError, match="isn't running"):
        _ = fal.url
    assert fal.start() is fal
    with pytest.raises(ConfigError, match="already"):
        fal.start()
    port = urlsplit(fal.url).port
    assert fal.url == f"http://127.0.0.1:{port}"
    assert port is not None
    stop_promptly(fal)
    fal.stop()
    with pytest.raises(ConfigError, match="isn't running"):
        _ = fal.settings
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_stopped_server_can_start_again() -> None:
    fal = LocalFal()
    fal.add("acme/app", [1])
    for _ in range(3):
        with fal:
            assert fetch(fal).events() == [1]
    assert len(fal.requests) == 3


def test_a_port_of_ones_own() -> None:
    with LocalFal() as first:
        port = urlsplit(first.url).port
        assert port is not None
        with pytest.raises(OSError, match=r"\[Errno"):
            LocalFal(port=port).start()
    with LocalFal(port=port) as second:
        second.add("acme/app", [1])
        assert fetch(second).events() == [1]


def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with LocalFal(host="::1") as fal:
        assert fal.url.startswith("http://[::1]:")
        fal.add("acme/app", [1])
        assert fetch(fal).events() == [1]


def test_stop_with_all_sorts_of_connections() -> None:
    fal = LocalFal().start()
    fal.add("acme/hang", [1, Hang()])
    fal.add("acme/pause", [1, Pause(1000)])
    fal.add("acme/mute", Reply([1], delay=math.inf))
    fal.add("acme/flood", Reply([b"x" * 100_000] * 1000, content_type="audio/wav"))
    fal.add("acme/app", [1])
    with ExitStack() as stack:
        for endpoint_id in ("acme/hang", "acme/pause", "acme/flood"):
            stack.enter_context(RawClient(fal)).ask(endpoint_id).until(b"\r\n\r\n")
        stack.enter_context(RawClient(fal)).ask("acme/mute")
        stack.enter_context(RawClient(fal)).ask("acme/app").until(b"0\r\n\r\n")
        stack.enter_context(RawClient(fal))
        stack.enter_context(RawClient(fal)).socket.sendall(b"POST / HTTP/1.1\r\n")
        fal.wait_for_requests(5)
        stop_promptly(fal)
    assert not any(request.gone.is_set() for request in fal.requests)


def test_a_script_that_blocks_the_server_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("fal_stream.testing.thread._STOP_SECONDS", 0.1)

    def blocks(request: RecordedRequest) -> Reply:
        release.wait(10)
        return Reply()

    fal = LocalFal().start()
    fal.add("acme/app", blocks)
    with RawClient(fal) as client:
        client.ask()
        fal.wait_for_requests(1)
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "LocalFal")
        with pytest.raises(FalStreamError, match="a function in a script blocks its thread"):
            fal.stop()
        release.set()
        thread.join(10)
    assert not thread.is_alive()


def test_stop_while_clients_pour_in() -> None:
    for _ in range(20):
        fal = LocalFal().start()
        with ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(RawClient(fal))
            stop_promptly(fal)


def test_two_hundred_connections_at_once(fal: LocalFal) -> None:
    fal.add("acme/app", tokens("one two three four five", pause=0.02))
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(fal)).ask() for _ in range(200)]
        for client in clients:
            client.until(b"\r\n\r\n")
            assert len(split_chunks(client.until(b"\r\n0\r\n\r\n"))) == 5
    assert len({request.request_id for request in fal.requests}) == 200
    assert all(request.finished.wait(10) for request in fal.requests)


def test_beside_a_running_event_loop() -> None:
    async def main() -> bytes:
        with LocalFal() as fal:
            fal.add("acme/app", tokens("to be", pause=0.01))
            parts = urlsplit(fal.url)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(
                f"GET /acme/app/stream HTTP/1.0\r\nauthorization: Key {fal.key}\r\n\r\n".encode()
            )
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert b'"output": "to be"' in asyncio.run(main())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = tls.client_context()
    authority.configure_trust(context)
    return context


def connect_tls(fal: LocalFal, context: ssl.SSLContext) -> RawClient:
    client = RawClient(fal)
    client.socket = context.wrap_socket(
        client.socket, server_hostname="127.0.0.1", suppress_ragged_eofs=False
    )
    return client


def test_tls(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    with LocalFal(ssl_context=server_context) as fal:
        assert fal.url.startswith("https://127.0.0.1:")
        chunks = [{"n": n, "text": "x" * 50_000} for n in range(100)]
        fal.add("acme/app", chunks)
        with connect_tls(fal, client_context) as client:
            for _ in range(2):
                client.ask().until(b"\r\n\r\n")
                assert len(split_chunks(client.until(b"\r\n0\r\n\r\n"))) == 100
        assert all(request.finished.wait(10) for request in fal.requests)


def test_a_slow_tls_reader_holds_the_script_back(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    with LocalFal(ssl_context=server_context) as fal:
        fal.add("acme/app", Reply([b"x" * 1_000_000] * 20, content_type="audio/wav"))
        with connect_tls(fal, client_context) as client:
            client.ask().until(b"\r\n\r\n")
            assert not fal.requests[0].finished.wait(0.3)
            assert len(split_chunks(client.until(b"\r\n0\r\n\r\n"))) == 20
        assert fal.requests[0].finished.wait(10)


def test_a_tls_client_that_leaves_is_noticed(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    with LocalFal(ssl_context=server_context) as fal:
        fal.add("acme/app", [1, Hang()])
        with connect_tls(fal, client_context) as client:
            client.ask().until(b"data: 1\n\n")
        assert fal.requests[0].gone.wait(10)


def test_a_cut_under_tls_has_no_goodbye(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    with LocalFal(ssl_context=server_context) as fal:
        fal.add("acme/app", Reply([1, Cut()], framing="close"))
        with connect_tls(fal, client_context) as client:
            client.ask().until(b"data: 1\n\n")
            with pytest.raises(ssl.SSLError) as caught:
                client.rest()
            assert tls.is_cut(caught.value)
        fal.add("acme/app", Reply([1, Cut(reset=True)], framing="close"))
        with connect_tls(fal, client_context) as client:
            client.ask().until(b"data: 1\n\n")
            # OpenSSL may hide which of the two it was.
            with pytest.raises((ConnectionResetError, ssl.SSLError)) as broken:
                client.rest()
            assert isinstance(broken.value, ConnectionResetError) or tls.is_cut(broken.value)
        fal.add("acme/app", Reply([1], framing="close"))
        with connect_tls(fal, client_context) as client:
            client.ask().until(b"data: 1\n\n")
            assert client.rest() == b""


def test_stop_with_unfinished_tls_handshakes(
    server_context: ssl.SSLContext,
    client_context: ssl.SSLContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fal = LocalFal(ssl_context=server_context).start()
    fal.add("acme/app", [1, Hang()])
    with caplog.at_level(logging.WARNING), RawClient(fal) as mute, RawClient(fal) as wrong:
        wrong.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wrong.rest()
        mute.socket.sendall(b"\x16")
        with connect_tls(fal, client_context) as client:
            client.ask().until(b"data: 1\n\n")
            stop_promptly(fal)
    assert caplog.records == []


NOISY = """
import http.client, sys
from fal_stream.testing import *
from tests.testing.raw_client import RawClient, fetch

def dies(request):
    yield 1
    raise ZeroDivisionError

fal = LocalFal()
fal.start()
fal.add("acme/hang", [1, Hang()])
fal.add("acme/dies", dies)
fal.add("acme/reset", [1, Cut(reset=True)])
fal.add("acme/llm", tokens("to be", pause=0.01))
clients = [RawClient(fal) for _ in range(3)]
clients[0].ask("acme/hang").until(b"data: 1")
clients[1].ask("acme/llm").until(b"data: ")
clients[1].reset()
fetch(fal, "acme/llm")
for name, error in ("acme/dies", http.client.IncompleteRead), ("acme/reset", OSError):
    try:
        fetch(fal, name)
    except error:
        pass
fal.errors.clear()
if sys.argv[1] == "stop":
    fal.stop()
for client in clients:
    client.socket.close()
"""


@pytest.mark.parametrize("end", ["stop", "forget"])
def test_nothing_is_printed(end: str) -> None:
    root = Path(fal_stream.__path__[0]).parent
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", NOISY, end]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
