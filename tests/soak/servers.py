"""The servers of a soak, in a process of their own: what they keep is not the client's.

Usage: `python -m tests.soak.servers FOLDER` writes the addresses to standard output as JSON, and
the certificate of its authority into the folder; it ends when its standard input does.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory

import pytest
import trustme

from fal_stream.testing import (
    Cut,
    End,
    Event,
    Failure,
    Hang,
    LocalFal,
    Pause,
    Ping,
    Raw,
    RecordedRequest,
    Reply,
    Script,
    Wire,
)
from tests.docs.named_tests import ROOT
from tests.faults.servers import RawServer, drip
from tests.sockets import black_hole

FAR = "far.example"

SCRIPTS: dict[str, Script] = {
    "fine": [1, {"fine": True}],
    "slow": [step for number in range(20) for step in (number, Pause(0.002))],
    "silent": [1, Hang()],
    "mute": Reply(delay=math.inf),
    "flood": lambda _: Reply([1, *["x" * 10_000] * 500]),
    "pings": lambda _: Reply([1, *[Ping(), Pause(0.01)] * 500]),
    "drip": lambda _: Reply([1, *[Raw(b"x"), Pause(0.01)] * 500]),
    "cut": [1, Cut()],
    "cut short": [1, 2, Cut(in_chunk=False)],
    "reset": [1, Pause(0.01), Cut(reset=True)],
    "cut in a chunk": [1, Cut(partial=b"data: {")],
    "half an event": [1, Raw(b"data: 2\n")],
    "bad size": [1, Wire(b"zz\r\n")],
    "bad JSON": [1, Raw(b"data: {\n\n")],
    "bad UTF-8": [1, Raw(b'data: "\xff"\n\n')],
    "long line": [1, Raw(b"x" * 400_000)],
    "error": [1, Event('{"message": "no"}', event="error")],
    "refused": Failure(422, [{"loc": ["body"], "msg": "no", "type": "value_error"}]),
    "broken": Failure(500, "broken"),
    "busy": Failure(503, headers={"retry-after": "0"}),
    "page": Reply([b"<html>" * 1000], status=502, content_type="text/html"),
    "not a stream": Reply.json({"fine": True}),
    "compressed": Reply([Raw(b"\x1f\x8b\x08" * 100)], headers={"content-encoding": "gzip"}),
    "elsewhere": Reply([], status=307, headers={"location": "https://elsewhere.example/"}),
    "round and round": Reply([], status=307, headers={"location": "/acme/round_and_round/stream"}),
    "nothing": Reply([]),
    "no head": Reply([Cut(in_chunk=False)], head=b""),
    "bad head": Reply([Wire(b"what?\r\n\r\n")], head=b""),
    "long head": Reply([Wire(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000), Hang()], head=b""),
    "stale": [1, End(), Pause(0.005), Cut(in_chunk=False)],
    "too much": Reply([1, End(), Wire(b"HTTP/1.1 200 OK\r\n\r\n")], framing="length"),
    "too little": Reply(
        [1, Cut(in_chunk=False)], framing="close", headers={"content-length": "90"}
    ),
}


def endpoint_of(name: str) -> str:
    """Give the endpoint of a script."""
    return f"acme/{''.join(c if c.isalnum() else '_' for c in name.lower())}"


@dataclass(frozen=True)
class Places:
    """Where the servers are.

    Attributes:
        plain: A local fal server.
        tls: One that speaks TLS.
        key: The key of both.
        proxy: A proxy that does something else with each connection.
        raw: Addresses of servers that don't speak HTTP, by what they do.
    """

    plain: str
    tls: str
    key: str
    proxy: str
    raw: dict[str, str]


def _storage(request: RecordedRequest) -> Reply | Failure | None:
    """Answer files by their first bytes."""
    if request.body.startswith(b"refuse"):
        return Failure(400, "no")
    if request.body.startswith(b"hang"):
        return Reply(delay=math.inf)
    return None


@contextlib.contextmanager
def _fal(context: ssl.SSLContext | None) -> Iterator[LocalFal]:
    with LocalFal(ssl_context=context) as fal:

        def expire(_: RecordedRequest) -> list[object]:
            fal.expire_tokens()
            return [1]

        for name, script in SCRIPTS.items():
            fal.add(endpoint_of(name), script)
        fal.add("acme/expire", expire)
        fal.route("/storage/*", _storage, method="PUT")
        yield fal


def _drain(client: socket.socket) -> None:
    while client.recv(10_000):
        pass


def _babble(client: socket.socket) -> None:
    client.recv(10_000)
    client.sendall(b"\x00\x01what?\r\n" * 10)
    _drain(client)


def _drip(client: socket.socket) -> None:
    client.recv(1)
    drip(client, b"HTTP/1.1 200 OK\r\nx: ")


RAW = {
    "mute": _drain,
    "babble": _babble,
    "drip": _drip,
    "gone": lambda client: client.recv(10_000),
    "gone at once": lambda client: None,
}


class _Proxy:
    """Does something else with each connection: a tunnel now and then.

    Args:
        port: Where a tunnel leads.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._chance = random.Random(1)

    def play(self, client: socket.socket) -> None:
        """Play a connection."""
        client.recv(10_000)
        what = self._chance.randrange(6)
        if what == 0:
            _drain(client)
        elif what == 1:
            client.sendall(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")
        elif what == 2:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _drain(client)
        elif what == 3:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _babble(client)
        else:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self._relay(client)

    def _relay(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            back = threading.Thread(target=_copy, args=[server, client])
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def serve(folder: Path) -> None:
    """Serve until the standard input ends."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", FAR).configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    with contextlib.ExitStack() as stack:
        plain, tls = stack.enter_context(_fal(None)), stack.enter_context(_fal(context))
        raw = {name: stack.enter_context(RawServer(play)).address for name, play in RAW.items()}
        raw["unreachable"] = stack.enter_context(black_hole())
        proxy = _Proxy(int(tls.url.rpartition(":")[2]))
        through = stack.enter_context(RawServer(proxy.play)).address
        places = Places(plain.url, tls.url, str(plain.key), f"http://{through}", raw)
        print(json.dumps(asdict(places)), flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def started() -> Iterator[Places]:
    """Start the servers, and have this process trust them and use their proxy."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        command = [sys.executable, "-m", "tests.soak.servers", folder]
        with Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                places = Places(**json.loads(process.stdout.readline()))
                patch.setenv("SSL_CERT_FILE", str(Path(folder, "authority.pem")))
                patch.setenv("all_proxy", places.proxy)
                yield places
            finally:
                process.stdin.close()
                try:
                    process.wait(30)
                finally:
                    process.kill()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
