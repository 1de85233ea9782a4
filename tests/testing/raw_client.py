"""A client that shows the bytes as they came."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import pytest
from typing_extensions import Self

from fal_stream.testing import LocalFal

HANG_LIMIT = 10.0


class RawClient:
    """One connection to a `LocalFal`."""

    def __init__(self, fal: LocalFal) -> None:
        parts = urlsplit(fal.url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=HANG_LIMIT)
        self._key = fal.key
        self._received = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def ask(
        self, endpoint_id: str = "acme/app", *, method: str = "GET", version: str = "1.1"
    ) -> Self:
        """Send a request without a body."""
        self.socket.sendall(
            f"{method} /{endpoint_id}/stream HTTP/{version}\r\nhost: local\r\n"
            f"authorization: Key {self._key}\r\n\r\n".encode()
        )
        return self

    def until(self, end: bytes) -> bytes:
        """Read up to and including some bytes."""
        start = 0
        while (found := self._received.find(end, start)) < 0:
            start = max(0, len(self._received) - len(end))
            received = self.socket.recv(65536)
            assert received, f"the connection ended after {bytes(self._received)!r}"
            self._received += received
        taken = bytes(self._received[: found + len(end)])
        del self._received[: len(taken)]
        return taken

    def rest(self) -> bytes:
        """Read to the end of the connection."""
        while received := self.socket.recv(65536):
            self._received += received
        rest = bytes(self._received)
        self._received.clear()
        return rest

    def reset(self) -> None:
        """Close the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def split_chunks(body: bytes) -> list[bytes]:
    """Take the chunks out of a chunked body that is whole."""
    chunks: list[bytes] = []
    position = 0
    while True:
        start = body.index(b"\r\n", position) + 2
        end = start + int(body[position:start], 16)
        if end == start:
            assert body[start:] == b"\r\n"
            return chunks
        chunks.append(body[start:end])
        assert body[end : end + 2] == b"\r\n"
        position = end + 2


class Answer:
    """A whole response, as http.client reads it."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        assert self.body.endswith(b"\n\n")
        blocks = self.body.decode().removesuffix("\n\n").split("\n\n")
        return [json.loads(block.removeprefix("data: ")) for block in blocks]


def fetch(
    fal: LocalFal,
    endpoint_id: str = "acme/app",
    *,
    method: str = "POST",
    path: str | None = None,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask for an endpoint and read its whole answer."""
    connection = http.client.HTTPConnection(urlsplit(fal.url).netloc, timeout=HANG_LIMIT)
    try:
        connection.request(
            method,
            path or f"/{endpoint_id}/stream",
            body=body,
            headers={"Authorization": f"Key {fal.key}"} if headers is None else headers,
        )
        return Answer(connection.getresponse())
    finally:
        connection.close()


@contextmanager
def dying_server(error: type[Exception], match: str | None = None) -> Iterator[LocalFal]:
    """A server of which a script is to raise an error, that its end must raise again."""
    with LocalFal() as server:
        yield server
        with pytest.raises(error, match=match):
            server.stop()
        assert len(server.errors) == 1
