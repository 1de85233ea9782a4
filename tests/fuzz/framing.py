"""Responses of HTTP/1.1, whole and spoilt: the reader of heads and the framing beside h11.

Each is given to h11 as a whole, and in pieces to what the client does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import h11

from fal_stream._shared.framing import BodyFraming, FramingError, framing_for
from fal_stream._shared.http1 import ProtocolError, ResponseHeadReader

from .random_bytes import cut, junk, spoil

__all__ = ["check", "chunked", "client_connection", "is_read_otherwise", "read_by_h11", "response"]

_LARGEST_HEAD = 100 * 1024
_FIELDS = (
    b"content-type: text/event-stream",
    b"transfer-encoding: chunked",
    b"Transfer-Encoding: Chunked",
    b"transfer-encoding: chunked",
    b"transfer-encoding: gzip, chunked",
    b"transfer-encoding: identity",
    b"content-length: 5",
    b"Content-Length: 0",
    b"content-length: 5, 5",
    b"content-length: 5, 6",
    b"content-length: 12",
    b"content-length: 99999999999999999999",
    b"content-length: -1",
    b"content-length: +5",
    b"connection: close",
    b"connection: keep-alive",
    b"x-empty:",
    b"x-latin: \xe9",
    b"x-status: HTTP/1.1 200 OK",
)
_STATUS_LINES = (
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 404 Not Found",
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 Not Modified",
    b"HTTP/1.1 103 Early Hints",
    b"HTTP/1.1 101 Switching Protocols",
)
_EXTENSIONS = (
    *[b""] * 20,
    *(b";x", b";a=b", b'; q="; "', b";", b" ;x", b" ", b"\t  ", b" " * 12, b"; ", b";\xe9"),
)
_TRAILERS = (
    *[b""] * 5,
    b"x-sum: 1\r\n",
    b"a:\r\nb: \t c d \r\n",
    b"A-b:\xe9\r\n",
    b"a: b\r\n folded\r\n",
    b"content-length: 5\r\n",
    b"a: b\n",
    b"no colon\r\n",
)
_INSERTS = (
    *(b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b"\n\r\n", b" ", b"\t", b";", b":", b"\0"),
    *(b"0", b"5", b"a", b"g", b"-", b"_", b"0x1", b"0\r\n\r\n", b"\xff", b"f" * 16, b"f" * 17),
    *(b"HTTP/1.1 200 OK\r\n\r\n", b"transfer-encoding: chunked\r\n", b"content-length: 5\r\n"),
)

# What is refused on purpose though h11 takes it: see `ChunkedBody` and `framing_for`.
_STRICT_IN_HEAD = re.compile(
    rb"(?i)transfer-encoding:(?s:.*)content-length:|content-length:(?s:.*)transfer-encoding:"
    rb"|content-length:\s*[0-9]{19}"
    rb"|transfer-encoding:(?s:.*)transfer-encoding:"
    rb"|http/1\.[0-9] 101"
)
_STRICT_IN_CHUNKS = re.compile(
    rb"(?m)^[0-9A-Fa-f]{17}"
    rb"|[^\r]\n|^\n"  # a bare line feed among the trailers
    rb"|\r\n[ \t]"  # a folded trailer
    rb"|;[^\n]*[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|;[^\n]*\r[^\n]"  # control characters in an extension
    rb"|^[^\r\n:]+:[^\r\n]*[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]"  # or in a trailer
    rb"|(?i:^content-length|^transfer-encoding)[ \t]*:"
)
_OTHER_VERSION = re.compile(rb"HTTP/(?!1\.)")

# What is taken on purpose though h11 refuses it (RFC 9112, section 7.1.1: BWS).
_LAX_IN_CHUNKS = re.compile(rb"[0-9A-Fa-f][ \t]+;")


class Reading(NamedTuple):
    """What a reader made of a response.

    Attributes:
        statuses: The statuses of its heads; of ours without those of interim responses.
        body: The bytes of the body.
        end: `done`, `open` where more has to come, or `refused`.
        rest: What follows the end.
    """

    statuses: list[int]
    body: bytes = b""
    end: str = "open"
    rest: bytes = b""


def client_connection() -> h11.Connection:
    """Give an h11 that has sent a request, with the limit that the HTTP library gives it."""
    connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "localhost")]))
    connection.send(h11.EndOfMessage())
    return connection


def chunked(chance: Random, data: Sequence[bytes]) -> bytes:
    """Write bytes as a chunked body, in one of its many forms.

    Args:
        chance: Decides.
        data: The content of each chunk.

    Returns:
        The body, to the end of its trailers.
    """
    pieces = []
    for part in filter(None, data):
        size = format(len(part), chance.choice(("x", "x", "x", "X", "04x", "016X"))).encode()
        pieces += [size, chance.choice(_EXTENSIONS), b"\r\n", part, b"\r\n"]
    last = chance.choice((b"0", b"0", b"000")) + chance.choice(_EXTENSIONS)
    return b"".join([*pieces, last, b"\r\n", chance.choice(_TRAILERS), b"\r\n"])


def response(chance: Random) -> bytes:
    """Make a response up: valid, nearly valid, or rubbish.

    Args:
        chance: Decides.

    Returns:
        All that the server sends.
    """
    line_end = chance.choice((b"\r\n", b"\r\n", b"\r\n", b"\n"))
    heads = []
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        heads += [b"HTTP/1.1 103 Early Hints", *chance.sample(_FIELDS[-3:], 1), b""]
    heads += [chance.choice(_STATUS_LINES)]
    if chance.random() < 0.5:
        heads += [chance.choice((b"transfer-encoding: chunked", b"Transfer-Encoding:Chunked"))]
        heads += chance.sample(_FIELDS[-6:], chance.randint(0, 2))
    else:
        heads += chance.choices(_FIELDS, k=chance.randint(0, 3))
    heads += [b"", b""]
    parts = [junk(chance, 12) for _ in range(chance.randint(0, 4))]
    if chance.random() < 0.3:  # some of one size
        parts = [chance.choice((b"ab", b"\r\n", b"2\r", b"\n2", part[:2])) for part in parts * 3]
    body = chunked(chance, parts)
    text = line_end.join(heads) + (body if chance.random() < 0.8 else junk(chance, 20))
    for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
        text = spoil(chance, text, _INSERTS)
    return text


def read_by_h11(text: bytes) -> Reading:
    """Have h11 read a response.

    Args:
        text: All that the server sends.

    Returns:
        What h11 makes of it.
    """
    connection = client_connection()
    statuses: list[int] = []
    body = bytearray()
    try:
        if text:  # nothing would be the end of the connection
            connection.receive_data(text)
        while True:
            event = connection.next_event()
            if isinstance(event, (h11.InformationalResponse, h11.Response)):
                statuses.append(event.status_code)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return Reading(statuses, bytes(body), "done", connection.trailing_data[0])
            else:
                return Reading(statuses, bytes(body))
    except h11.RemoteProtocolError:
        return Reading(statuses, bytes(body), "refused")


def _read_by_us(pieces: list[bytes]) -> Reading:
    reader = ResponseHeadReader()
    statuses: list[int] = []
    framing: BodyFraming | None = None
    body = b""
    try:
        for piece in filter(None, pieces):
            data = piece
            if framing is None:
                head = reader.feed(data)
                if head is None:
                    continue
                framing = framing_for(head.status, "POST", head.headers)
                statuses.append(head.status)
                data = reader.rest
            body += framing.feed(data)
        if framing is None:
            return Reading(statuses)
        body += framing.feed(b"")
    except (FramingError, ProtocolError):
        return Reading(statuses, body, "refused")
    return Reading(statuses, body, "done" if framing.done else "open", framing.rest)


def _is_strict(text: bytes, body: bytes) -> bool:
    """Tell whether there is something in a response that is refused though h11 takes it."""
    return bool(
        _OTHER_VERSION.search(text)
        or _STRICT_IN_HEAD.search(text)
        or _STRICT_IN_CHUNKS.search(body)
        # What h11 counts depends on the pieces.
        or len(text) - len(body) > _LARGEST_HEAD
    )


def _is_lax(body: bytes) -> bool:
    """Tell whether there is something in a body that is taken though h11 refuses it."""
    return _LAX_IN_CHUNKS.search(body) is not None


def _body_of(text: bytes, heads: int) -> bytes:
    """Give what follows the heads, of which there are so many."""
    return re.split(rb"\n\r?\n", text, maxsplit=heads)[-1] if heads else b""


def is_read_otherwise(text: bytes) -> bool:
    """Tell whether one of our rules may read a response otherwise than h11 does.

    Args:
        text: All that the server sends.

    Returns:
        Whether it may.
    """
    body = _body_of(text, len(read_by_h11(text).statuses))
    return _is_strict(text, body) or _is_lax(body)


def check(chance: Random) -> None:
    """Read one response in pieces, and compare with h11.

    Args:
        chance: Decides.

    Raises:
        AssertionError: There is a difference that is not one of the rules above.
    """
    text = response(chance)
    pieces = cut(chance, text)
    ours, theirs = _read_by_us(pieces), read_by_h11(text)
    about = f"{pieces} gave {ours}, h11 {theirs}"
    raw_body = _body_of(text, len(theirs.statuses))
    theirs = theirs._replace(statuses=[status for status in theirs.statuses if status >= 200])
    assert ours.statuses == theirs.statuses[: len(ours.statuses)], about
    if theirs.end == "refused" and _is_lax(raw_body):
        assert ours.body.startswith(theirs.body) or theirs.body.startswith(ours.body), about
    elif ours.end == "refused":
        assert theirs.body.startswith(ours.body), about
        # h11 looks at the fields of the trailers when the last one is there.
        is_late = theirs.end == "open" and read_by_h11(text + b"\r\n\r\n").end == "refused"
        assert theirs.end == "refused" or is_late or _is_strict(text, raw_body), about
    else:
        assert ours == theirs, about
