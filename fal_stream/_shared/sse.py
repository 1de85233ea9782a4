"""Parse server-sent events: the bytes of an event stream in, its events out.

Promises: the rules of WHATWG HTML, section 9.2.6
(https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation),
however the bytes are cut; work that is linear in the bytes; memory that is bounded by
`max_event_bytes`.

How: the byte order mark, line ends, blank lines, `retry` and the size limit are handled here, on
bytes. Plain events of one `data` line take a fast path; all others are parsed by `sseclient`
(`sse_event_buffer.py`). A test checks that both paths return the same events.

Not here: what an event means (JSON, `[DONE]`, errors), whether an unfinished event at the end of a
stream is delivered (`chunks.py`), and when a silent stream times out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from .._checks import check_whole, short_repr
from ..errors import ConfigError, EventTooLarge, counted
from ..types import ServerSentEvent
from .sse_event_buffer import EventBuffer, Leftover
from .sse_line_buffer import LineBuffer

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "END_MARK", "Leftover", "SSEParser"]

# Not in fal's documentation, but the usual end mark of token streams; it is not JSON.
END_MARK = b"[DONE]"
DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024

T = TypeVar("T")
# Converts the values of the `data` lines of plain events to the items that are returned.
ReadPlain: TypeAlias = Callable[[list[bytes]], list[T]]

_BOM = b"\xef\xbb\xbf"
# How many bytes of text that is not an event (an error, an HTML page) are kept, and of one line.
_MAX_IGNORED = 32 * 1024
_MAX_IGNORED_LINE = 1024 * 1024
_RETRY = re.compile(rb"retry: ?([0-9]{1,15})\Z")
# A known field that was ignored: an id with a NUL, a retry that is not a number.
_OTHER_FIELD = re.compile(rb"(?:id|retry)(?::|\Z)")


class SSEParser:
    """Parse the bytes of one event stream into events.

    The rules are those of WHATWG HTML, section 9.2.6. A `retry` of more than 15 digits is ignored,
    like one that is not a number.

    Args:
        max_event_bytes: The largest size of the lines of one event together (bytes). Default 64
            MiB. Comments have no limit, and are not buffered. Lines of unknown fields are not added
            up, but each one has to be within the limit.
        last_event_id: The last event id of an earlier connection. Default `""`.

    Attributes:
        last_event_id: The last event id after the last complete event.
        retry_ms: The last valid reconnection time of the stream in milliseconds, or None.
        has_failed: Whether an event was over the limit: then no more bytes are accepted.
        ignored: The lines of unknown fields since the last event, at most 32 KiB, but the last one,
            which may be JSON, up to 1 MiB. Empty events and `[DONE]` don't count as events here.
        ignored_before_end: How many bytes of `ignored` came before the first `[DONE]`, or in its
            event.

    Raises:
        ConfigError: `max_event_bytes` is not a positive int, or `last_event_id` is not a str or
            contains a character that an id can't have (NUL, CR, LF).
    """

    _fast_path = True
    """Whether plain events bypass `sseclient`; tests turn it off to compare both paths."""

    _long_line = 256
    """The length of a line (bytes) from which on plain events are split line by line."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, last_event_id: str = ""
    ) -> None:
        self.last_event_id: str = _check_event_id(last_event_id)
        self.retry_ms: int | None = None
        self._limit = check_whole("max_event_bytes", max_event_bytes, 1)
        self.has_failed: bool = False
        self._closed = False
        self._is_between_events = False
        self._start: bytes | None = b""
        self._after_cr = False
        self._new_retry: int | None = None
        self.ignored: bytearray = bytearray()
        self.ignored_before_end: int = 0
        # The position in `ignored` of JSON in the current event, after its `data` lines; or None.
        self._trailing_json_at: int | None = None
        self._drop_pending()

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[ServerSentEvent]:
        """Parse the next bytes of the stream, and return the events that they complete.

        Args:
            chunk: The bytes, cut anywhere. May be empty.

        Raises:
            EventTooLarge: An event is over the limit. Events before it are returned first, and each
                later call raises the error, such as `feed(b"")`.
            ValueError: The parser was closed; a new stream needs a new parser.
        """
        events: list[ServerSentEvent] = []
        self._feed(chunk, events, self._events_of)
        return events

    def feed_data(self, chunk: bytes) -> Sequence[bytes | ServerSentEvent]:
        """Parse the next bytes of the stream, for a caller that only needs the data of events.

        Args:
            chunk: The bytes, cut anywhere. May be empty.

        Returns:
            The same as `feed`, except that an event of a single `data` line and no other field is
            returned as the bytes of its data, which may not be valid UTF-8.

        Raises:
            EventTooLarge: See `feed`.
            ValueError: The parser was closed.
        """
        if self._is_between_events and b"\r" not in chunk:
            values = self._plain_values(chunk)
            if values is not None:
                return self._data_of(values)
        events: list[bytes | ServerSentEvent] = []
        self._feed(chunk, events, self._data_of)
        return events

    @property
    def has_glued_json(self) -> bool:
        """Whether `ignored` has JSON that is in the last event, after its `data` lines."""
        return self._trailing_json_at is not None

    def check(self) -> None:
        """Raise the error that was held back until the events before it were returned.

        Raises:
            EventTooLarge: An event is over the limit.
        """
        if self.has_failed:
            raise _too_large(self._limit)

    def _feed(
        self,
        chunk: bytes | bytearray | memoryview,
        events: list[T | ServerSentEvent],
        plain: ReadPlain[T],
    ) -> None:
        self._is_between_events = False
        self.check()
        if self._closed:
            raise ValueError("feed() after close(): a new stream needs a new SSEParser")
        text = self._normalise(chunk if isinstance(chunk, bytes) else bytes(memoryview(chunk)))
        try:
            if self._half_line.size or self._in_comment or self._block.size:
                text = self._continue_event(text, events, plain)
            self._parse_events(text, events, plain)
        except EventTooLarge:
            self.has_failed = True
            self._drop_pending()
            if not events:
                raise
        else:
            self._is_between_events = self._start is None and not (
                self._half_line.size
                or self._in_comment
                or self._block.size
                or self._after_cr
                or self.ignored
            )

    def close(self) -> Leftover | None:
        """End the stream, and return the unfinished event, if there is one.

        By the specification an unfinished event is discarded. It is returned here, so that the
        caller can tell a stream that was cut off from one that ended. Neither `last_event_id` nor
        `retry_ms` changes.

        Returns:
            The pending lines; None if there are none, or only comments and ignored fields, or if
            the parser was closed before.

        Raises:
            EventTooLarge: An event was over the limit.
        """
        self.check()
        self._closed = True
        self._is_between_events = False
        half_line = (self._start or b"") + self._half_line.text()
        self._start = None
        raw = self._block.raw() + half_line
        line_complete = not half_line and not self._in_comment
        is_foreign = False
        if half_line and not self._block.add(half_line):
            self._ignore(half_line)
            is_foreign = self._trailing_json_at is not None
        event = None
        if self._block.lines:
            event = self._block.read(self.last_event_id, self._new_retry)
            if self._trailing_json_at is not None:
                del self.ignored[: self._trailing_json_at]
                self._trailing_json_at = 0
        self._drop_pending()
        return Leftover(event, raw, line_complete, is_foreign) if raw else None

    def _drop_pending(self) -> None:
        self._half_line = LineBuffer()
        self._in_comment = False
        self._block = EventBuffer()

    def _normalise(self, chunk: bytes) -> bytes:
        """Remove the byte order mark, and replace every line end by a line feed."""
        if self._start is not None:
            chunk = self._start + chunk
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._start = chunk
                return b""
            self._start = None
            chunk = chunk.removeprefix(_BOM)
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _continue_event(
        self, text: bytes, events: list[T | ServerSentEvent], plain: ReadPlain[T]
    ) -> bytes:
        """Continue in the middle of an event, and return the text after it."""
        half_line = self._half_line
        if half_line.size or self._in_comment:
            piece, line_end, text = text.partition(b"\n")
            self._buffer_line(piece)
            if not line_end:
                return b""
            if text.startswith(b"\n") and not self._block.size and self._fast_path:
                value = half_line.data()
                if value is not None:
                    half_line.clear()
                    events += plain([value])
                    if self.ignored:
                        self._forget_ignored([value])
                    return text[1:]
            line = half_line.text()
            half_line.clear()
            self._in_comment = False
            self._parse_lines([line])
        if not self._block.size:
            return text
        if text.startswith(b"\n"):
            self._end_event(events, plain)
            return text[1:]
        lines, event_end, rest = text.partition(b"\n\n")
        if not event_end:
            self._parse_tail(text)
            return b""
        self._parse_lines(lines.split(b"\n"))
        self._end_event(events, plain)
        return rest

    def _parse_events(
        self, text: bytes, events: list[T | ServerSentEvent], plain: ReadPlain[T]
    ) -> None:
        """Parse text that begins at the beginning of an event."""
        whole = text[: text.rfind(b"\n\n") + 2]
        values = self._plain_values(whole)
        if values is not None:
            events += plain(values)
            if self.ignored:
                self._forget_ignored(values)
            text = text[len(whole) :]
        blocks = text.split(b"\n\n")
        tail = blocks.pop()
        longest_plain = self._limit if self._fast_path else -1
        for block in blocks:
            if block.startswith(b"data:") and b"\n" not in block and len(block) <= longest_plain:
                value = _value_of(block)
                events += plain([value])
                if self.ignored:
                    self._forget_ignored([value])
            else:
                self._parse_lines(block.split(b"\n"))
                self._end_event(events, plain)
        if tail:
            self._parse_tail(tail)

    def _plain_values(self, text: bytes) -> list[bytes] | None:
        """Return the values of the `data` lines if a text has only plain events, else None."""
        is_fit = text.startswith(b"data: ") and text.endswith(b"\n\n") and len(text) <= self._limit
        if not is_fit or not self._fast_path:
            return None
        if text.find(b"\n") > self._long_line:
            return _long_values(text)
        values = text[len(b"data: ") : -2].split(b"\n\ndata: ")
        # The number of line ends shows whether there is one inside of a value.
        return values if text.count(b"\n") == 2 * len(values) else None

    def _parse_tail(self, text: bytes) -> None:
        lines = text.split(b"\n")
        half_line = lines.pop()
        self._parse_lines(lines)
        self._buffer_line(half_line)

    def _buffer_line(self, piece: bytes) -> None:
        if not self._half_line.size and piece.startswith(b":"):
            self._in_comment = True
        if piece and not self._in_comment:
            self._half_line.add(piece)
            if self._block.size + self._half_line.size > self._limit:
                raise _too_large(self._limit)

    def _parse_lines(self, lines: list[bytes]) -> None:
        block = self._block
        for line in lines:
            if not line or line.startswith(b":"):
                continue
            if block.size + len(line) > self._limit:
                raise _too_large(self._limit)
            if not block.add(line):
                if retry := _RETRY.match(line):
                    self.retry_ms = self._new_retry = int(retry[1])
                else:
                    self._ignore(line)

    def _forget_ignored(self, values: list[bytes]) -> None:
        """Clear `ignored` after events; JSON in the last event, after its `data` lines, is kept.

        Args:
            values: The data of the events. Empty events and `[DONE]` don't clear it.
        """
        for value in values:
            if self.ignored_before_end:
                break
            if value == END_MARK:
                self.ignored_before_end = len(self.ignored)
            elif value:
                del self.ignored[: self._trailing_json_at]
        self._trailing_json_at = None

    def _ignore(self, line: bytes) -> None:
        if self._trailing_json_at is None and self._block.lines and line.startswith(b"{"):
            self._trailing_json_at = len(self.ignored)
        if len(self.ignored) < _MAX_IGNORED and not _OTHER_FIELD.match(line):
            self.ignored += line[:_MAX_IGNORED_LINE] + b"\n"

    def _end_event(self, events: list[T | ServerSentEvent], plain: ReadPlain[T]) -> None:
        block = self._block
        if not block.size:
            return
        plain_line = block.plain_line() if self._fast_path else None
        if plain_line is not None:
            value = _value_of(plain_line)
            events += plain([value])
            if self.ignored:
                self._forget_ignored([value])
        else:
            event = block.read(self.last_event_id, self._new_retry)
            self.last_event_id = event.id
            if block.lines:
                events.append(event)
                self._new_retry = None
                if self.ignored:
                    self._forget_ignored([event.data.encode()])
        block.clear()

    def _events_of(self, values: list[bytes]) -> list[ServerSentEvent]:
        """Return the events for the values of plain events (the fast path)."""
        event_id = self.last_event_id
        events = [
            ServerSentEvent("message", value.decode("utf-8", "replace"), event_id)
            for value in values
        ]
        if self._new_retry is not None:
            events[0] = events[0]._replace(retry=self._new_retry)
            self._new_retry = None
        return events

    def _data_of(self, values: list[bytes]) -> list[bytes]:
        self._new_retry = None
        return values


def _long_values(text: bytes) -> list[bytes] | None:
    """See `_plain_values`: for long lines, searching for a single character is the fastest."""
    values: list[bytes] = []
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        if not text.startswith(b"data: ", start) or text[end : end + 2] != b"\n\n":
            return None
        values.append(text[start + len(b"data: ") : end])
        start = end + 2
    return values


def _value_of(line: bytes) -> bytes:
    """Return the value of a `data` line."""
    return line[6:] if line.startswith(b"data: ") else line[5:]


def _check_event_id(value: object) -> str:
    if not isinstance(value, str) or any(mark in value for mark in "\0\r\n"):
        raise ConfigError(
            f"last_event_id={short_repr(value)} must be a string without NUL, CR and LF; "
            'give "" or leave it out if there is none'
        )
    return value


def _too_large(limit: int) -> EventTooLarge:
    return EventTooLarge(
        f"An event of the stream is larger than max_event_bytes ({counted(limit, 'byte')}); "
        "raise max_event_bytes if the app does send events of that size",
        limit=limit,
    )
