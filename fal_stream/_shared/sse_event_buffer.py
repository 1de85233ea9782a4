"""Buffer the lines of one server-sent event, and parse its fields by `sseclient`.

Promises: work that is linear in the bytes, although `sseclient` itself copies its buffer for every
line. Nothing is parsed before it is needed, and parsing changes nothing.

Elsewhere: splitting bytes into lines, comments, `retry`, the size limit, and the last event id
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
    """What was pending when an event stream ended without the blank line that ends an event.

    Attributes:
        event: What the pending lines give, taken as if a blank line had come; None if there is
            no `data` line among them.
        raw: The pending lines that have a meaning, `event` and `id` first, each with a line feed,
            then the line that has no end, if there is one.
        line_complete: Whether the last line had its end, a comment too. Where it had not, the
            event is not whole, and `event` may hold half a line.
        is_foreign: Whether the last line, which has no end, is of the JSON that stands behind the
            event, so that the event itself is whole.
    """

    event: ServerSentEvent | None
    raw: bytes
    line_complete: bool
    is_foreign: bool = False


class _SingleEventSource:
    """An event source that holds one block at most."""

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
    """One `sseclient.SSEClient` that is handed one block at a time."""

    def __init__(self) -> None:
        self._inbox = _SingleEventSource()
        self._events = sseclient.SSEClient(self._inbox).events()

    def read(self, block: bytes) -> sseclient.Event:
        """Read the fields of a block.

        Args:
            block: Lines without comments, joined by line feeds; at least one is a `data` line.
                Bytes that are no UTF-8 are read as U+FFFD.

        Returns:
            The fields, as WHATWG HTML, section 9.2.6, has them. `id` is None where no line
            gives one.
        """
        if not block.isascii():
            block = block.decode("utf-8", "replace").encode()
        self._inbox.block = block + b"\n\n"
        return next(self._events)


class EventBuffer:
    """The lines of the event that is being received.

    Attributes:
        size: How many bytes the gathered lines have, with one for each line's end. 0 if there
            is none.
        fields: The last `event` and the last `id` line.
        lines: The last `data` lines: at most 64, and all there are if there are no more.
    """

    def __init__(self) -> None:
        self._reader: FieldReader | None = None
        self.clear()

    def clear(self) -> None:
        """Forget the lines."""
        self.size = 0
        self.fields: dict[bytes, bytes] = {}
        self.lines: list[bytes] = []
        self._groups: list[bytes] = []

    def add(self, line: bytes) -> bool:
        """Gather a line if it is one of the event.

        Args:
            line: A line without its end.

        Returns:
            Whether it is a `data`, `event` or valid `id` line; others are not kept.
        """
        # Not split: the value may be large.
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
        """Return the event's only line.

        Returns:
            The line if it is a `data` line, None if the event has other lines.
        """
        if len(self.lines) == 1 and not self._groups and not self.fields:
            return self.lines[0]
        return None

    def raw(self) -> bytes:
        """Return the gathered lines.

        Returns:
            `event` and `id` first, then the `data` lines, each with a line feed.
        """
        lines = [*self.fields.values(), *self._groups, *self.lines]
        return b"".join([line + b"\n" for line in lines])

    def read(self, last_event_id: str, retry: int | None) -> ServerSentEvent:
        """Read the event.

        Args:
            last_event_id: The id that it has if no line gives one.
            retry: The reconnection time in milliseconds to put into it, or None.

        Returns:
            The event. Its data is `""` if it has no `data` line: then it is not to be delivered,
            but its id counts.
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
