"""A server that gives made-up answers, plain and over TLS."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import trustme

from tests.faults.servers import RawServer

from .answers import FINE, Answer

__all__ = ["Server", "tls_context"]

_FINE = Answer([FINE], 0.0, "keep")


class Server:
    """Gives the same answer to every request, but to those for `acme/fine`.

    Args:
        context: Does the TLS handshake, or None for plain HTTP.

    Attributes:
        answer: The answer.
        raw: What takes the connections; it is to be entered.
        url: The address.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.answer = Answer([], 0.0, "close")
        self.raw = RawServer(self._play, context)
        self.url = f"{'http' if context is None else 'https'}://{self.raw.address}"
        self._lock = threading.Lock()
        self._busy = 0

    @property
    def is_idle(self) -> bool:
        """Whether each answer has been given, and each connection that ends with one is closed."""
        return self._busy == 0

    def _play(self, client: socket.socket) -> None:
        while request := _read_request(client):
            is_fine = b" /acme/fine/" in request
            self._count(1)
            try:
                if not self._give(client, _FINE if is_fine else self.answer):
                    return
            finally:
                # A client that meets a connection which is about to be closed can't know better.
                if not is_fine and self.answer.end != "keep":
                    client.close()
                self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change

    def _give(self, client: socket.socket, given: Answer) -> bool:
        """Give an answer; tell whether the connection is kept."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in filter(None, given.pieces):
            client.sendall(piece)
            time.sleep(given.pause)
        if given.end == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif given.end == "close" and isinstance(client, ssl.SSLSocket):
            # Says that this is the end, and doesn't wait for the same of the client.
            client.setblocking(False)
            with contextlib.suppress(OSError):
                client.unwrap()
        elif given.end == "hang":
            while client.recv(4096):
                pass
        return given.end == "keep"


def _read_request(client: socket.socket) -> bytes:
    """Read a request to the end of its body; nothing where the client has gone."""
    request = b""
    while b"\r\n\r\n" not in request:
        data = client.recv(4096)
        if not data:
            return b""
        request += data
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    lengths = [line.partition(b":")[2] for line in lines if line.startswith(b"content-length:")]
    length = int(lengths[0]) if lengths else 0
    while len(body) < length:
        data = client.recv(4096)
        if not data:
            return b""
        body += data
    return request


@contextlib.contextmanager
def tls_context() -> Iterator[ssl.SSLContext]:
    """Give the context of a server that the clients trust while it is open."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    before = os.environ.get("SSL_CERT_FILE")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(path))
        os.environ["SSL_CERT_FILE"] = str(path)
        try:
            yield context
        finally:
            del os.environ["SSL_CERT_FILE"]
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before
