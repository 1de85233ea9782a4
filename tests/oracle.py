"""What an event stream means, read slowly and plainly from the specification.

It knows nothing of the parser: it decodes the whole stream first and then follows WHATWG HTML,
section 9.2.6, step by step. What is not in the specification (a pending event is told of, and
events have a limit) follows the documentation of `SSEParser`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fal_stream.types import ServerSentEvent

__all__ = ["Reading", "by_the_specification", "over_the_limit"]

_BOM = b"\xef\xbb\xbf"


class Reading(NamedTuple):
    """What a stream gives.

    Attributes:
        events: The events that are finished.
        last_event_id: The id that the last blank line left.
        retry_ms: The last valid reconnection time.
        pending: The event that the end of the stream cuts off, with a half line taken for a
            whole one; None if there is no `data` line in it.
    """

    events: list[ServerSentEvent]
    last_event_id: str
    retry_ms: int | None
    pending: ServerSentEvent | None


def by_the_specification(stream: bytes) -> Reading:
    """Read a whole stream.

    Args:
        stream: Its bytes.

    Returns:
        What it gives.
    """
    text = stream.decode("utf-8", "replace")
    text = text[1:] if text.startswith("\ufeff") else text
    *lines, half_line = re.split("\r\n|\n|\r", text)
    events: list[ServerSentEvent] = []
    data = event_type = id_buffer = last_event_id = ""
    retry_ms = new_retry = None
    for number, line in enumerate([*lines, half_line]):
        is_half = number == len(lines)
        if line == "":
            if is_half:
                break
            last_event_id = id_buffer
            if data != "":
                events.append(
                    ServerSentEvent(event_type or "message", data[:-1], last_event_id, new_retry)
                )
                new_retry = None
            data = event_type = ""
            continue
        if line[0] == ":":
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value[:1] == " " else value
        if field == "event":
            event_type = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            id_buffer = value
        elif field == "retry" and re.fullmatch("[0-9]{1,15}", value) and not is_half:
            retry_ms = new_retry = int(value)
    pending = None
    if data != "":
        pending = ServerSentEvent(event_type or "message", data[:-1], id_buffer, new_retry)
    return Reading(events, last_event_id, retry_ms, pending)


def over_the_limit(stream: bytes, limit: int) -> int | None:
    """Find the first event that is too large.

    Args:
        stream: The bytes of the whole stream.
        limit: How many bytes the lines of one event may have, each but the last with one for its
            end.

    Returns:
        How many events come before it, None if there is no such event.
    """
    if _BOM.startswith(stream):
        return None  # it may still become a byte order mark
    events = 0
    size = 0
    has_data = False
    *lines, half_line = re.split(b"\r\n|\n|\r", stream.removeprefix(_BOM))
    for number, line in enumerate([*lines, half_line]):
        if line == b"":
            events += has_data and number < len(lines)
            size, has_data = 0, False
        elif line[:1] != b":":
            if size + len(line) > limit:
                return events
            field = line.partition(b":")[0]
            has_data = has_data or field == b"data"
            if field in (b"data", b"event") or (field == b"id" and b"\0" not in line):
                size += len(line) + 1
    return None
