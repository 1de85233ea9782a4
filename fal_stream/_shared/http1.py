"""HTTP/1.1 heads: a request head to bytes, bytes to a response head (RFC 9112, sections 2 to 5).

Promises: whatever its headers contain, exactly one request is sent. A response head is parsed
strictly: nothing is accepted that `h11` refuses. Interim responses (RFC 9110, section 15.2) are
skipped. The work is linear in the bytes, and the size of a head is limited.

Not here: reading and sending, the body (`framing`), and redirects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .framing import framing_for

__all__ = [
    "ProtocolError",
    "RequestHead",
    "ResponseHead",
    "ResponseHeadReader",
    "decode_headers",
    "request_head",
]

# The same limit as in h11 and httpcore.
MAX_HEAD = 100 * 1024

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TEXT = rb"[^\x00\r\n\x0b\x0c]*"
_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: (%b))?\r?\n" % _TEXT)
# Matches only at the beginning of a line.
_FIELD = re.compile(rb"(?<![^\n])(%b):(%b)\r?\n" % (_TOKEN, _TEXT))
_FIELDS = re.compile(rb"(?:%b:%b\r?\n)*\r?\n" % (_TOKEN, _TEXT))
_FOLD = re.compile(rb"\r?\n[ \t]+")
_PREFIX = b"HTTP/1."

_METHOD = re.compile(_TOKEN)
_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]*")
_BREAKS_TARGET = re.compile(rb"[\x00-\x20\x7f]")
_BREAKS_VALUE = re.compile(rb"[\x00\r\n]")


class ProtocolError(ValueError):
    """The response is not valid HTTP/1.1, or the request would not be a single valid request."""


class ResponseHead(NamedTuple):
    """The head of a response.

    Attributes:
        status: The status code.
        reason: The reason phrase, often empty.
        headers: The header fields in their order, with names as they were sent.
        keeps_alive: Whether the server keeps the connection open for another request.
    """

    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    keeps_alive: bool


class RequestHead:
    """The head of a request, whose repr hides it, because it may contain the key.

    Args:
        data: Its bytes.
        body_length: The length of the body (bytes), or None for chunked coding. Default 0.

    Attributes:
        body_length: The length of the body (bytes), or None for chunked coding.
    """

    __slots__ = ("_data", "body_length")

    def __init__(self, data: bytes, body_length: int | None = 0) -> None:
        self._data = data
        self.body_length: int | None = body_length

    def followed_by(self, body: bytes) -> bytes:
        """Return the bytes of the head, followed by those of a body."""
        return self._data + body


def request_head(
    method: str, target: bytes, host: bytes, headers: Iterable[tuple[bytes, bytes]]
) -> RequestHead:
    """Return the head of a request, with the empty line at its end.

    Args:
        method: The method.
        target: The request target (RFC 9112, section 3.2): a path with its query, a URL, or host
            and port.
        host: The value of the `Host` header, sent unless the headers have one.
        headers: The header fields.

    Raises:
        ProtocolError: A part contains a character that would end it or start another one, or the
            headers don't say clearly where the body ends.
    """
    pairs = list(headers)
    fields = [name.lower() for name, _ in pairs]
    body_length = _body_length(fields, pairs)
    if b"host" not in fields:
        pairs.insert(0, (b"Host", host))
    verb = method.encode("ascii", "replace")
    if not _METHOD.fullmatch(verb) or _BREAKS_TARGET.search(target):
        raise ProtocolError("the method or the address holds a character that is not allowed")
    if b"" in fields or not _NAMES.fullmatch(b"".join(fields)):
        raise ProtocolError("a header has a name that is not allowed")
    values = [value for _, value in pairs]
    if _BREAKS_VALUE.search(b"".join(values)):
        raise ProtocolError("a header has a value with a line end or NUL in it")
    lines = [b"%b: %b\r\n" % pair for pair in pairs]
    head = b"%b %b HTTP/1.1\r\n%b\r\n" % (verb, target, b"".join(lines))
    return RequestHead(head, body_length)


def _body_length(fields: list[bytes], pairs: list[tuple[bytes, bytes]]) -> int | None:
    """Return the length of the body that the headers of a request name, None for chunked coding."""
    framing = fields.count(b"content-length") + fields.count(b"transfer-encoding")
    if framing > 1:
        raise ProtocolError("the headers say more than once where the body ends")
    if not framing:
        return 0
    if b"content-length" in fields:
        length = pairs[fields.index(b"content-length")][1]
        if not length.isdigit() or length[18:]:
            raise ProtocolError(f"the Content-Length is {length[:80]!r}, which is not a number")
        return int(length)
    coding = pairs[fields.index(b"transfer-encoding")][1]
    if coding.lower() != b"chunked":
        raise ProtocolError(f"the Transfer-Encoding is {coding[:80]!r}, which is not chunked")
    return None


def decode_headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return header fields as text, names in lower case; values of one name are joined by commas.

    They are decoded as UTF-8 if all of them are valid UTF-8, else as Latin-1.
    """
    try:
        pairs = [(name.decode().lower(), value.decode()) for name, value in headers]
    except UnicodeDecodeError:
        pairs = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers
        ]
    decoded = dict(pairs)
    if len(decoded) == len(pairs):
        return decoded
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ", ".join(of_name) for name, of_name in values.items()}


class ResponseHeadReader:
    """Reads the head of one response, and skips the interim responses before it.

    Attributes:
        rest: The bytes after the head, which are the beginning of the body.
    """

    __slots__ = ("_held", "rest")

    def __init__(self) -> None:
        self._held = bytearray()
        self.rest: bytes = b""

    @property
    def has_begun(self) -> bool:
        """Whether a part of a head is there."""
        return bool(self._held)

    def feed(self, data: bytes) -> ResponseHead | None:
        """Parse the next bytes of the connection.

        Args:
            data: The bytes, cut anywhere; not empty.

        Returns:
            The head, or None if it is not complete yet.

        Raises:
            ProtocolError: The bytes are not a head of HTTP/1.x, or it is too large.
            FramingError: An interim response has an invalid length.
        """
        if not self._held:
            return self._read(data, 0)
        searched = max(0, len(self._held) - 3)
        self._held += data
        if _HEAD_END.search(self._held, searched) is None:
            self._check_start(self._held)
            return None
        data = bytes(self._held)
        self._held.clear()
        return self._read(data, searched)

    def _read(self, data: bytes, searched: int) -> ResponseHead | None:
        start = 0
        while (end := _HEAD_END.search(data, max(start, searched))) is not None:
            if end.end() - start > MAX_HEAD:
                raise _too_large()
            head = _parse(data[start : end.end()])
            start = end.end()
            if head.status == 101:
                raise ProtocolError("the server answered 101, though no other protocol was asked")
            if head.status >= 200:
                self.rest = data[start:]
                return head
            # Another parser may read a head with an impossible length differently.
            framing_for(head.status, "", head.headers)
        self._held += data[start:]
        self._check_start(self._held)
        return None

    def _check_start(self, held: bytearray) -> None:
        """Raise an error if the bytes can't become a head.

        A server of another protocol may send nothing more, so this can't wait for a line end.
        """
        if not held.startswith(_PREFIX[: len(held)]):
            raise _not_http(bytes(held[:80]))
        if len(held) > MAX_HEAD:
            raise _too_large()


def _parse(data: bytes) -> ResponseHead:
    status_line = _STATUS_LINE.match(data)
    if status_line is None:
        raise _not_http(data[:80])
    start = status_line.end()
    if b"\n " in data or b"\n\t" in data:
        # Unfold header lines (obs-fold: RFC 9112, section 5.2).
        if data[start : start + 1] in (b" ", b"\t"):
            raise ProtocolError("the first header line begins with a blank")
        data = data[:start] + _FOLD.sub(b" ", data[start:])
    if _FIELDS.fullmatch(data, start) is None:
        raise ProtocolError(f"a header line can't be read: {_bad_line(data[start:])!r}")
    headers = [(name, value.strip(b" \t")) for name, value in _FIELD.findall(data, start)]
    return ResponseHead(
        int(status_line[2]),
        status_line[3] or b"",
        headers,
        _keeps_alive(headers, is_http_1_0=status_line[1] == b"0"),
    )


def _bad_line(fields: bytes) -> bytes:
    for line in fields.split(b"\n"):
        if _FIELD.fullmatch(line + b"\n") is None:
            return line.rstrip(b"\r")[:80]
    return b""


def _keeps_alive(headers: list[tuple[bytes, bytes]], *, is_http_1_0: bool) -> bool:
    """Return whether the connection persists (RFC 9112, sections 6.1 and 9.3)."""
    if is_http_1_0 and any(name.lower() == b"transfer-encoding" for name, _ in headers):
        return False  # a server on the way may not know this header, and find another end
    options = b",".join([value for name, value in headers if name.lower() == b"connection"])
    tokens = {token.strip(b" \t") for token in options.lower().split(b",")}
    return b"close" not in tokens and (not is_http_1_0 or b"keep-alive" in tokens)


def _too_large() -> ProtocolError:
    return ProtocolError(f"the response head has more than {MAX_HEAD:,} bytes")


def _not_http(start: bytes) -> ProtocolError:
    return ProtocolError(f"the answer does not begin as one of HTTP/1.1: {start!r}")
