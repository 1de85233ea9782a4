"""HTTP/1.1 body framing: the bytes after a response head in, the bytes of the body out.

Promises: strictly RFC 9112, sections 6.3 and 7.1. Ambiguous framing is refused, because two parsers
that disagree about the end of a body can be exploited (response splitting, request smuggling). Body
bytes are passed on as they arrive; at most one size line or trailer line is buffered.

Not here: reading from the socket, the response head (`http1.py`), and what the end of the
connection means beyond `complete_at_eof`. Trailers are checked and discarded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

__all__ = [
    "BodyFraming",
    "ChunkedBody",
    "FramingError",
    "SizedBody",
    "UnframedBody",
    "framing_for",
]

_MAX_LINE = 4 * 1024
_MAX_TRAILERS = 64 * 1024
# The longest size line that is cached (bytes, with its line end), and how many are cached.
_SHORT_LINE = 18
_KNOWN_SIZES = 512

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t\x20-\x7e\x80-\xff]*\Z")
_FRAMING_FIELDS = frozenset({b"content-length", b"transfer-encoding"})
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")


class FramingError(ValueError):
    """The framing of a body breaks RFC 9112, or can be read in two ways."""


class BodyFraming(Protocol):
    """Decodes the body from the bytes after a response head.

    Attributes:
        done: Whether the body has ended.
        has_failed: Whether the framing is broken: then no more bytes are accepted.
        rest: The bytes after the end of the body. If there are any, the connection can't be reused.
    """

    done: bool = False
    has_failed: bool = False
    rest: bytes = b""

    def check(self) -> None:
        """Raise the error that was held back until the bytes before it had been returned.

        Raises:
            FramingError: The framing is broken.
        """
        return

    @property
    def complete_at_eof(self) -> bool:
        """Whether the body is complete if the connection ends now."""
        return self.done

    def feed(self, data: bytes) -> bytes:
        """Decode the next bytes, and return the bytes of the body in them.

        Args:
            data: The bytes, cut anywhere. May be empty.

        Raises:
            FramingError: The framing is broken. The body's bytes before the error are returned
                first, and each later call raises the error, such as `feed(b"")`.
        """
        raise NotImplementedError


class SizedBody(BodyFraming):
    """A body of a known length (RFC 9112, section 6.2). It is never broken.

    Args:
        length: The length in bytes, 0 or more.
    """

    def __init__(self, length: int) -> None:
        self.done = length == 0
        self._missing = length

    def feed(self, data: bytes) -> bytes:
        """See `BodyFraming`."""
        if len(data) > self._missing:
            self.rest += data[self._missing :]
            data = data[: self._missing]
        self._missing -= len(data)
        self.done = self._missing == 0
        return data


class UnframedBody(BodyFraming):
    """A body that ends with the connection (RFC 9112, section 6.3, rule 8). It is never broken."""

    @property
    def complete_at_eof(self) -> bool:
        """Always true."""
        return True

    def feed(self, data: bytes) -> bytes:
        """See `BodyFraming`."""
        return data


class ChunkedBody(BodyFraming):
    """A chunked body (RFC 9112, section 7.1).

    Stricter than the RFC: a size has at most 16 digits, a line at most 4 KiB, the trailers at most
    64 KiB; there is no bare line feed or other control character, no folded trailer, and no trailer
    that would change the framing. Blanks after a size are accepted, as in h11, because some servers
    pad the size with them.
    """

    def __init__(self) -> None:
        self._error: str | None = None
        self._held = b""
        self._missing = 0
        # The size lines that were parsed before, and their sizes.
        self._sizes: dict[bytes, int] = {}
        self._in_chunk = False
        self._in_trailers = False
        self._trailer_bytes = 0

    def check(self) -> None:
        """See `BodyFraming`."""
        if self._error is not None:
            raise FramingError(self._error)

    def feed(self, data: bytes) -> bytes:
        """See `BodyFraming`."""
        self.check()
        if self.done:
            self.rest += data
            return b""
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        position = 0
        if not self._in_chunk and not self._in_trailers:
            position = self._read_whole_chunks(data, 0, pieces)
        if position < len(data):
            try:
                self._read(data, position, pieces)
            except FramingError as error:
                self.has_failed = True
                self._error = str(error)
                self._held = b""
                if not pieces:
                    raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read(self, data: bytes, position: int, pieces: list[bytes]) -> None:
        while position < len(data) and not self._in_trailers:
            if not self._in_chunk:
                # Without a line end there is no match: matching a long line again for each byte of
                # it would be quadratic.
                is_whole = data.find(b"\n", position) >= 0
                size_line = _SIZE_LINE.match(data, position) if is_whole else None
                if size_line is None:
                    self._hold(data, position, "chunk size line")
                    return
                if size_line.end() - position > _MAX_LINE:
                    raise FramingError(f"A chunk size line is longer than {_MAX_LINE:,} bytes")
                position = size_line.end()
                self._missing = int(size_line[1], 16)
                self._note_size(size_line[0], self._missing)
                self._in_chunk = self._missing > 0
                self._in_trailers = not self._in_chunk
                continue
            if self._missing:
                piece = data[position : position + self._missing]
                position += len(piece)
                self._missing -= len(piece)
                pieces.append(piece)
                continue
            line_end = data[position : position + 2]
            if line_end == b"\r\n":
                self._in_chunk = False
                position = self._read_whole_chunks(data, position + 2, pieces)
            elif line_end == b"\r":
                self._held = line_end
                return
            else:
                raise FramingError(f"A chunk is followed by {line_end!r} instead of CR LF")
        if self._in_trailers:
            self._read_trailers(data, position)

    def _note_size(self, size_line: bytes, size: int) -> None:
        if size and len(size_line) <= _SHORT_LINE:
            if len(self._sizes) == _KNOWN_SIZES:
                self._sizes.clear()
            self._sizes[size_line[:-2]] = size

    def _read_whole_chunks(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Read complete chunks whose size line is known (the fast path).

        Returns:
            The position at which the next chunk begins.
        """
        sizes, find, append = self._sizes, data.find, pieces.append
        last_line = b""
        while (line_end := find(b"\r\n", position)) >= 0:
            line = data[position:line_end]
            size = sizes.get(line)
            if size is None:
                break
            start = line_end + 2
            end = start + size
            if data[end : end + 2] != b"\r\n":
                break
            append(data[start:end])
            position = end + 2
            if line == last_line:
                position = _read_alike(data, end, line, size, append)
            last_line = line
        return position

    def _read_trailers(self, data: bytes, position: int) -> None:
        while (end := data.find(b"\r\n", position)) >= 0:
            line = data[position:end]
            position = end + 2
            if not line:
                self.done = True
                self.rest = data[position:]
                return
            self._trailer_bytes += len(line) + 2
            if len(line) + 2 > _MAX_LINE or self._trailer_bytes > _MAX_TRAILERS:
                raise FramingError(
                    f"Trailers of more than {_MAX_TRAILERS:,} bytes, or {_MAX_LINE:,} in a line"
                )
            name = _TRAILER.match(line)
            if name is None or name[1].lower() in _FRAMING_FIELDS:
                raise FramingError(f"A trailer field is not allowed: {line[:80]!r}")
        self._hold(data, position, "trailer")

    def _hold(self, data: bytes, position: int, kind: str) -> None:
        """Buffer the beginning of a line, if it can still become a valid line."""
        line = data[position:]
        if len(line) >= _MAX_LINE or b"\n" in line or b"\r" in line[:-1]:
            raise FramingError(f"Bad {kind}: {line[:80]!r}")
        self._held = line


def _read_alike(
    data: bytes, position: int, line: bytes, size: int, append: Callable[[bytes], None]
) -> int:
    """Read chunks as long as they have the same size line, with one comparison for each.

    Args:
        data: The bytes.
        position: The end of the last chunk, before its line end.
        line: The size line.
        size: The size in the size line.
        append: Is called with each chunk that is followed by the same size line.

    Returns:
        The position at which the next chunk begins.
    """
    starts_with = data.startswith
    between = b"\r\n" + line + b"\r\n"
    if not starts_with(between, position):
        return position + 2
    start = position + len(between)
    end = start + size
    while starts_with(between, end):
        append(data[start:end])
        start = end + len(between)
        end = start + size
    return start - len(between) + 2


def framing_for(status: int, method: str, headers: Iterable[tuple[bytes, bytes]]) -> BodyFraming:
    """Return a new framing for the body of a response (RFC 9112, section 6.3).

    Args:
        status: The response's status.
        method: The request's method.
        headers: The response's header fields, names in any case.

    Raises:
        FramingError: The fields contradict each other (Transfer-Encoding and Content-Length, two
            lengths), a length is not a number of up to 18 digits, or the transfer encoding is not
            `chunked`.
    """
    lengths: list[bytes] = []
    encodings: list[bytes] = []
    for name, value in headers:
        field = name.lower()
        if field == b"content-length":
            lengths += value.split(b",")
        elif field == b"transfer-encoding":
            encodings.append(value)
    framing: BodyFraming = UnframedBody()
    if encodings:
        framing = _chunked(encodings, lengths)
    elif lengths:
        framing = _sized({length.strip(b" \t") for length in lengths})
    # Checked first: a response with two lengths is refused even if it has no body.
    has_no_body = method.upper() == "HEAD" or status < 200 or status in (204, 304)
    return SizedBody(0) if has_no_body else framing


def _chunked(encodings: list[bytes], lengths: list[bytes]) -> ChunkedBody:
    if lengths:
        raise FramingError("The response has both Transfer-Encoding and Content-Length")
    encoding = b", ".join(encodings).strip(b" \t")
    if encoding.lower() != b"chunked":
        raise FramingError(f"The response has the Transfer-Encoding {encoding[:80]!r}, not chunked")
    return ChunkedBody()


def _sized(lengths: set[bytes]) -> SizedBody:
    length = lengths.pop()
    if lengths:
        raise FramingError("The response has different lengths in Content-Length")
    if not _LENGTH.match(length):
        raise FramingError(f"The response has the Content-Length {length[:80]!r}, which is none")
    return SizedBody(int(length))
