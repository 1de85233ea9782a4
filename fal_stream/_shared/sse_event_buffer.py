"""Buffer the lines of one server-sent event, and parse its fields with `sseclient`.

Promises: work that is linear in the bytes, although `sseclient` itself copies its buffer for every
line. Nothing is parsed before it is needed, and parsing doesn't change the buffer.

Not here: splitting bytes into lines, comments, `retry`, the size limit, and the last event id
(`sse.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import sseclient

from ..types import ServerSentEvent

__all__ = ["EventBuffer", "FieldReader", "Leftover"]

_GROUP_LINES = 64
_LONG_LINE = 1024
_LONGEST_NAME = len(b"event")


class Leftover(NamedTuple):
    """The pending lines of an event stream that ended without a blank line.

    Attributes:
        event: The event of the pending lines, as if a blank line had come; None if there is no
            `data` line among them.
        raw: The pending lines of known fields, `event` and `id` first, each with a line feed, then
            the line without an end, if there is one.
        line_complete: Whether the last line, which may be a comment, had its end. If it hadn't, the
            event is not complete, and `event` may contain half a line.
        is_foreign: Whether the last line, which has no end, belongs to JSON after the event, so the
            event itself is complete. Default False.
    """

    event: ServerSentEvent | None
    raw: bytes
    line_complete: bool
    is_foreign: bool = False


class _SingleEventSource:
    """An event source with one block at most."""

    def __init__(self) -> None:
        self.block = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self.block:
            raise StopIteration
        block, self.block = self.block, b""
        return block


class FieldReader:
    """An `sseclient.SSEClient` that parses one block at a time."""

    def __init__(self) -> None:
        self._inbox = _SingleEventSource()
        self._events = sseclient.SSEClient(self._inbox).events()

    def read(self, block: bytes) -> sseclient.Event:
        """Return the fields of a block, as defined by WHATWG HTML, section 9.2.6.

        Args:
            block: Lines without comments, joined by line feeds; at least one is a `data` line.
                Bytes that are not UTF-8 become U+FFFD.

        Returns:
            The fields; `id` is None if there is no `id` line.
        """
        if not block.isascii():
            block = block.decode("utf-8", "replace").encode()
        self._inbox.block = block + b"\n\n"
        return next(self._events)


class EventBuffer:
    """The lines of the event that is being received.

    Attributes:
        size: The number of bytes of the buffered lines, with one for each line's end.
        fields: The last `event` and the last `id` line.
        lines: The last `data` lines, at most 64; earlier ones are kept elsewhere.
    """

    def __init__(self) -> None:
        self._reader: FieldReader | None = None
        self.clear()

    def clear(self) -> None:
        """Remove the lines."""
        self.size = 0
        self.fields: dict[bytes, bytes] = {}
        self.lines: list[bytes] = []
        self._groups: list[bytes] = []

    def add(self, line: bytes) -> bool:
        """Buffer a line, without its end, if it is a `data`, `event` or valid `id` line.

        Returns:
            Whether it was buffered.
        """
        # The line isn't split, because the value may be large.
        name_end = line.find(b":", 0, _LONGEST_NAME + 1)
        name = line if name_end < 0 else line[:name_end]
        if name == b"data":
            lines = self.lines
            if lines and (len(lines) == _GROUP_LINES or len(lines[-1]) > _LONG_LINE):
                self._groups.append(b"\n".join(lines))
                lines.clear()
            lines.append(line)
        elif name == b"event" or (name == b"id" and b"\0" not in line):
            self.fields[name] = line
        else:
            return False
        self.size += len(line) + 1
        return True

    def plain_line(self) -> bytes | None:
        """Return the `data` line of an event with a single line; None for other events."""
        if len(self.lines) == 1 and not self._groups and not self.fields:
            return self.lines[0]
        return None

    def raw(self) -> bytes:
        """Return the buffered lines: `event` and `id`, then `data`, each with a line feed."""
        lines = [*self.fields.values(), *self._groups, *self.lines]
        return b"".join([line + b"\n" for line in lines])

    def read(self, last_event_id: str, retry: int | None) -> ServerSentEvent:
        """Return the event of the buffered lines.

        Args:
            last_event_id: The event id if there is no `id` line.
            retry: The reconnection time of the event (milliseconds), or None.

        Returns:
            The event. Its data is `""` if there is no `data` line: then the event must not be
            delivered, but its id is still the last event id.
        """
        # sseclient returns no event for a block without data, so add an empty `data` line.
        groups = [*self._groups, b"\n".join(self.lines or [b"data"])]
        groups[-1] = b"\n".join([*self.fields.values(), groups[-1]])
        if self._reader is None:
            self._reader = FieldReader()
        blocks = [self._reader.read(group) for group in groups]
        event_id = blocks[-1].id
        return ServerSentEvent(
            blocks[-1].event,
            "\n".join([block.data for block in blocks]),
            last_event_id if event_id is None else event_id,
            retry,
        )
