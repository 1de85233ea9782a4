"""The floor: a bare socket, as little as tells the server's events apart, and the same decoder.

It promises nothing but the works: an HTTP chunk has one event, whose data is one line with a JSON
object. Sizes are not looked at, and nothing is checked, limited or aborted.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic_core import from_json

from . import AsyncClient, Client

# The best for small events and for large ones, of those from 32 to 256 KiB.
READ = 64 * 1024

# A line that is empty but for the line end of the HTTP chunk ends an event, with LF and with CRLF.
_END_OF_EVENT = b"\n\r\n"


class Body:
    """Takes the body of an event stream apart."""

    def __init__(self) -> None:
        self.ended = False
        self._pieces: list[bytes] = []  # of an event that has not ended

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, and give the data of the events that they complete."""
        pieces = self._pieces
        if pieces and pieces[-1][-1:] in (b"\n", b"\r"):
            data = pieces.pop() + data
        # One byte is found faster than three.
        at = data.rfind(_END_OF_EVENT) if b"\n" in data else -1
        if at < 0:
            if data:
                pieces.append(data)
            return []
        whole = data[:at]
        if pieces:
            whole = b"".join([*pieces, whole])
            pieces.clear()
        if len(data) > at + 3:
            # What stands before the data is taken off early, which saves a copy of a large event.
            pieces.append(data[max(at + 3, data.find(b"{", at)) :])
        blocks = whole.split(_END_OF_EVENT) if b"\r" in whole else [whole]
        last = blocks[-1]
        self.ended = len(last) < 8 and last.strip() == b"0"
        return [block[at:] for block in blocks if (at := block.find(b"{")) >= 0]


def _request(path: str) -> bytes:
    head = f"POST /{path}/stream HTTP/1.1\r\nhost: bench\r\ncontent-length: 2\r\n\r\n{{}}"
    return head.encode()


def _address(base: str) -> tuple[str, int]:
    parts = urlsplit(base)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _context(base: str) -> ssl.SSLContext | None:
    return ssl.create_default_context() if base.startswith("https:") else None


def _connect(base: str, context: ssl.SSLContext | None) -> socket.socket:
    host, port = _address(base)
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is not None:
        return context.wrap_socket(connection, server_hostname=host)
    return connection


@contextlib.contextmanager
def blocking(base: str) -> Iterator[Client]:
    """Make a client."""
    idle: list[socket.socket] = []
    context = _context(base)

    def stream(path: str) -> Iterator[object]:
        connection = idle.pop() if idle else _connect(base, context)
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
        # By its type: that of TLS is no `asyncio.Transport` on some Pythons.
        self._transport = cast(asyncio.Transport, transport)
        cast(Any, transport).max_size = READ
        self.write = self._transport.write

    def data_received(self, data: bytes) -> None:
        self._reads.append(data)
        if self._waiter is not None:
            self._waiter.set_result(None)
            self._waiter = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def abort(self) -> None:
        self._transport.abort()

    async def close(self) -> None:
        self.abort()
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
    context = _context(base)

    async def stream(path: str) -> AsyncIterator[object]:
        if idle:
            connection = idle.pop()
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(_Connection, host, port, ssl=context)
        try:
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
        except asyncio.CancelledError:
            connection.abort()
            raise
        if b"connection: close" in head:
            await connection.close()
        else:
            idle.append(connection)

    yield stream
    for connection in idle:
        await connection.close()
