"""One request of a client: read from the connection, and recorded for the test.

Promises: a request is returned when its body is complete.
"""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fal_stream._checks import safe_repr
from fal_stream.testing.redacted import RedactedFields

__all__ = ["MAX_HEAD_BYTES", "BadRequest", "RecordedRequest", "read_request"]

MAX_HEAD_BYTES = 256 * 1024

_PIECE_BYTES = 256 * 1024


class BadRequest(Exception):
    """The client has sent something else than an HTTP/1 request.

    Attributes:
        status: The HTTP status to answer with.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, eq=False)
class RecordedRequest:
    """A request that `LocalFal` received.

    Attributes:
        method: The HTTP method.
        target: The request target as it was sent, with the query.
        path: The target's path, without the query.
        query: The query, decoded; if a name is there twice, the last value. Its repr shows no
            token.
        headers: The header fields, names in lower case, values of a name joined by commas. Their
            repr shows no key.
        body: The body, as bytes.
        request_id: The request id that the response has as `x-fal-request-id`.
        http_version: `HTTP/1.1` or `HTTP/1.0`.
        peer: The client's address and port; it is the same for all requests of one connection.
        gone: Set if the client disconnects before the reply is finished. A client that shuts down
            its sending side counts as disconnected.
        finished: Set when the reply was sent to its end, or to its `Cut`.
    """

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    http_version: str = "HTTP/1.1"
    peer: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    gone: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    @safe_repr
    def __repr__(self) -> str:
        return f"<RecordedRequest {self.method} {self.path} {self.request_id}>"

    @property
    def input(self) -> Any:
        """The input that the client sent: the body decoded from JSON, or None if there is no body.

        Raises:
            ValueError: The body isn't JSON.
        """
        return self.json() if self.body else None

    def json(self) -> Any:
        """Decode the body as JSON.

        Returns:
            The JSON value.

        Raises:
            ValueError: The body isn't JSON.
        """
        return json.loads(self.body)

    @property
    def wants_close(self) -> bool:
        """Whether the client will not use the connection again."""
        options = self.headers.get("connection", "").lower()
        return "close" in options or (self.http_version == "HTTP/1.0" and "keep" not in options)


_TLS_HANDSHAKE = b"\x16"  # the first byte of a TLS connection (RFC 8446, section 5.1)


async def read_request(
    reader: asyncio.StreamReader, send_continue: Callable[[], Awaitable[None]], peer: str
) -> RecordedRequest | None:
    """Read the next request (RFC 9112).

    Args:
        reader: The connection, with a limit of at least `MAX_HEAD_BYTES`.
        send_continue: Sends `100 Continue`; called if the client waits for it.
        peer: The client's address and port.

    Returns:
        The request, or None if the connection ended before or within it.

    Raises:
        BadRequest: It is not an HTTP/1 request, or its head is too large.
    """
    try:
        first = await reader.readexactly(1)
        if first == _TLS_HANDSHAKE:
            return None  # a line end would never arrive
        head = first + await reader.readuntil(b"\r\n\r\n")
        method, target, version, headers = _parse_head(head)
        if headers.get("expect", "").lower() == "100-continue":
            await send_continue()
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest(431, "The head of the request is too large") from None
    path, query = _parse_target(target)
    return RecordedRequest(
        method=method,
        target=target,
        path=path,
        query=RedactedFields(query),
        headers=RedactedFields(headers),
        body=body,
        http_version=version,
        peer=peer,
    )


def _parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    request_line, *lines = head.decode("latin-1").strip("\r\n").split("\r\n")
    parts = request_line.split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(400, "The request line is not of HTTP/1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "A header line is broken")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return parts[0], parts[1], parts[2], headers


def _parse_target(target: str) -> tuple[str, dict[str, str]]:
    try:
        if target.startswith("/"):
            path, _, query = target.partition("?")
        else:  # A proxy is sent whole URLs.
            _, _, path, query, _ = urlsplit(target)
        return path, dict(parse_qsl(query, keep_blank_values=True))
    except ValueError:
        raise BadRequest(400, "The request target is no URL") from None


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    body = BytesIO()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := _parse_size((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            await _move(reader, body, size)
            await reader.readexactly(2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
    else:
        size = _parse_size(headers.get("content-length", "0").encode(), 10)
        await _move(reader, body, size)
    return body.getvalue()  # no copy: CPython returns its own buffer


async def _move(reader: asyncio.StreamReader, body: BytesIO, size: int) -> None:
    # In pieces, because `StreamReader` would store the whole body twice.
    while size:
        piece = await reader.read(min(size, _PIECE_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(b"", size)
        size -= body.write(piece)


def _parse_size(text: bytes, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        size = -1
    if size < 0:
        raise BadRequest(400, "The length of the body is broken")
    return size
