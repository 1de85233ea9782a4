"""The floor: a bare socket, what is needed of HTTP chunks and events, and the same JSON decoder.

It promises nothing but the works: no check, no limit, no abort, one `data` line to an event.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

from pydantic_core import from_json

from . import AsyncClient, Client

READ = 64 * 1024


class Body:
    """Takes the chunked body of an event stream apart."""

    def __init__(self) -> None:
        self.ended = False
        self._left = 0  # of an HTTP chunk and the line end after it
        self._size_line = b""
        self._event: list[bytes] = []
        self._has_begun = False  # the name of its field has been taken off

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, and give the data of the events that they complete."""
        if self._size_line:
            data = self._size_line + data
            self._size_line = b""
        size = len(data)
        find = data.find
        pieces: list[bytes] = []
        append = pieces.append
        at = self._left
        if at:
            if at > 2:
                append(data[: at - 2])
            self._left = max(0, at - size)
        while at < size:
            end = find(b"\r\n", at)
            if end < 0:
                self._size_line = data[at:]
                break
            length = int(data[at:end], 16)
            if not length:
                self.ended = size >= end + 4
                self._size_line = data[at:]
                break
            begin = end + 2
            end = begin + length
            append(data[begin:end])
            at = end + 2
            if at > size:
                self._left = at - size
        return self._cut(b"".join(pieces))

    def _cut(self, text: bytes) -> list[bytes]:
        event, has_begun = self._event, self._has_begun
        if event and event[-1][-1:] == b"\n":
            text = event.pop() + text
        first, *others = text.split(b"\n\n")
        if not others:
            self._keep(first)
            return []
        if event:
            first = b"".join([*event, first])
            event.clear()
        self._has_begun = False
        self._keep(others.pop())
        return [first if has_begun else first[6:], *[block[6:] for block in others]]

    def _keep(self, rest: bytes) -> None:
        # The name of the field is taken off early, which saves a copy of a large event.
        if not self._has_begun and not self._event and len(rest) > 6:
            self._has_begun = True
            rest = rest[6:]
        if rest:
            self._event.append(rest)


def _request(path: str) -> bytes:
    head = f"POST /{path}/stream HTTP/1.1\r\nhost: bench\r\ncontent-length: 2\r\n\r\n{{}}"
    return head.encode()


def _address(base: str) -> tuple[str, int]:
    parts = urlsplit(base)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _connect(base: str) -> socket.socket:
    host, port = _address(base)
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if base.startswith("https:"):
        context = ssl.create_default_context()
        return context.wrap_socket(connection, server_hostname=host)
    return connection


@contextlib.contextmanager
def blocking(base: str) -> Iterator[Client]:
    """Make a client."""
    idle: list[socket.socket] = []

    def stream(path: str) -> Iterator[object]:
        connection = idle.pop() if idle else _connect(base)
        connection.sendall(_request(path))
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(READ)
        body = Body()
        recv = connection.recv
        head, _, data = data.partition(b"\r\n\r\n")
        yield from map(from_json, body.feed(data))
        while not body.ended:
            yield from map(from_json, body.feed(recv(READ)))
        if b"connection: close" in head:
            connection.close()
        else:
            idle.append(connection)

    yield stream
    for connection in idle:
        connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reads: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._transport = asyncio.Transport()
        self._lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.write = transport.write

    def data_received(self, data: bytes) -> None:
        self._reads.append(data)
        if self._waiter is not None:
            self._waiter.set_result(None)
            self._waiter = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    async def close(self) -> None:
        self._transport.abort()
        await self._lost.wait()

    async def read(self) -> bytes:
        reads = self._reads
        if not reads:
            self._waiter = self._loop.create_future()
            await self._waiter
        data = reads[0] if len(reads) == 1 else b"".join(reads)
        reads.clear()
        return data


@contextlib.asynccontextmanager
async def asynchronous(base: str) -> AsyncIterator[AsyncClient]:
    """Make a client."""
    idle: list[_Connection] = []
    host, port = _address(base)
    context = ssl.create_default_context() if base.startswith("https:") else None

    async def stream(path: str) -> AsyncIterator[object]:
        if idle:
            connection = idle.pop()
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(_Connection, host, port, ssl=context)
        connection.write(_request(path))
        data = b""
        while b"\r\n\r\n" not in data:
            data += await connection.read()
        body = Body()
        head, _, data = data.partition(b"\r\n\r\n")
        for chunk in map(from_json, body.feed(data)):
            yield chunk
        while not body.ended:
            for chunk in map(from_json, body.feed(await connection.read())):
                yield chunk
        if b"connection: close" in head:
            await connection.close()
        else:
            idle.append(connection)

    yield stream
    for connection in idle:
        await connection.close()
