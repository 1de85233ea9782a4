"""Event streams, whole and spoilt, and the parser beside the oracle."""

from __future__ import annotations

from random import Random

from fal_stream._shared.sse import SSEParser
from fal_stream.errors import EventTooLarge
from fal_stream.types import ServerSentEvent
from tests.oracle import Reading, by_the_specification, over_the_limit

from .random_bytes import UTF_8, cut, junk, spoil

__all__ = ["check", "stream"]

_LINE_ENDS = (b"\n", b"\n", b"\r\n", b"\r")
_STARTS = (b"", b"", b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef", b"\xef\xbb\xbf\xef\xbb\xbf", b"\n")
_FIELDS = (b"data", b"data", b"data", b"event", b"id", b"retry", b"", b"unknown", b"Data", b"dat")
_SEPARATORS = (b": ", b": ", b":", b":  ", b" :", b"", b":\t")
_LINES = (
    b"data: plain",
    b'data: {"a": 1}',
    b"data",
    b"data:",
    b"data: ",
    b"data: [DONE]",
    b"datax: no",
    b" data: no",
    b"event",
    b"event: error",
    b"id",
    b"id: a\0b",
    b"id: 7",
    b"retry: 30",
    b"retry:5",
    b"retry: 5x",
    b"retry: ",
    b"retry: -1",
    b"retry: 999999999999999",
    b"retry: 1000000000000000",
    b"retry: \xd9\xa1",
    b": ping",
    b":",
    b"\xef\xbb\xbfdata: not at the start",
    b"",
    b"",
)
_INSERTS = (
    *_LINE_ENDS,
    b"\n\n",
    b"\r\r",
    b"\r\n\r\n",
    b"\n\r",
    b"\0",
    b":",
    b" ",
    b"\xef\xbb\xbf",
    b"data: x\n\n",
    *UTF_8,
)


def _value(chance: Random) -> bytes:
    kind = chance.random()
    if kind < 0.25:
        return b"%d" % chance.randrange(1000)
    if kind < 0.5:
        return b"x" * chance.randrange(40)
    if kind < 0.7:
        text = b"".join(chance.choices(UTF_8, k=chance.randint(1, 3)))
        # A character that is broken in the middle.
        return text[chance.randint(0, 1) : len(text) - chance.randint(0, 2)]
    if kind < 0.998:
        return junk(chance, 8)
    return b"y" * chance.randrange(5000)


def _line(chance: Random) -> bytes:
    kind = chance.random()
    if kind < 0.45:
        return chance.choice(_LINES)
    if kind < 0.93:
        return chance.choice(_FIELDS) + chance.choice(_SEPARATORS) + _value(chance)
    return junk(chance, 6)


def _event(chance: Random, line_end: bytes | None) -> bytes:
    kind = chance.random()
    count = 1 if kind < 0.5 else chance.randint(0, 5)
    if kind > 0.996:  # around the number of lines that are gathered
        lines = [b"data: " + b"z" * chance.choice((1, 1100))] * chance.randint(60, 135)
    elif kind < 0.3:
        lines = [b"data: " + _value(chance)]
    else:
        lines = [_line(chance) for _ in range(count)]
    lines.append(b"")
    return b"".join([line + (line_end or chance.choice(_LINE_ENDS)) for line in lines])


def stream(chance: Random) -> bytes:
    """Make a stream up: valid, nearly valid, or rubbish.

    Args:
        chance: Decides.

    Returns:
        The bytes of the stream.
    """
    kind = chance.random()
    if kind < 0.05:
        return junk(chance, 60)
    line_end = chance.choice(_LINE_ENDS) if chance.random() < 0.7 else None
    events = [_event(chance, line_end) for _ in range(chance.randint(0, 6))]
    text = chance.choice(_STARTS) + b"".join(events)
    if kind < 0.4:
        return text
    for _ in range(chance.randint(1, 4)):
        text = spoil(chance, text, _INSERTS)
    return text


class _GeneralWayParser(SSEParser):
    """Has every event read by `sseclient`."""

    _fast_path = False


class _LineByLineParser(SSEParser):
    """Has the lines of all plain events searched for one by one."""

    _long_line = 0


def _read(parser: SSEParser, pieces: list[bytes]) -> Reading:
    events = [event for piece in pieces for event in parser.feed(piece)]
    last_event_id, retry_ms = parser.last_event_id, parser.retry_ms
    leftover = parser.close()
    return Reading(events, last_event_id, retry_ms, leftover and leftover.event)


def _check_data(parser: SSEParser, pieces: list[bytes], expected: list[ServerSentEvent]) -> None:
    made = [event for piece in pieces for event in parser.feed_data(piece)]
    found = [
        ("message", event.decode("utf-8", "replace"))
        if isinstance(event, bytes)
        else (event.event, event.data)
        for event in made
    ]
    wanted = [(event.event, event.data) for event in expected]
    assert found == wanted, f"{pieces} gave the data {found}, not {wanted}"


def _read_to_the_limit(pieces: list[bytes], limit: int) -> tuple[list[ServerSentEvent], bool]:
    parser = SSEParser(limit)
    events: list[ServerSentEvent] = []
    try:
        for piece in pieces:
            events += parser.feed(piece)
        parser.feed(b"")
    except EventTooLarge:
        return events, True
    return events, False


def check(chance: Random) -> None:
    """Read one stream in pieces, and compare with the oracle.

    Args:
        chance: Decides.

    Raises:
        AssertionError: There is a difference.
    """
    text = stream(chance)
    pieces = cut(chance, text)
    assert b"".join(pieces) == text
    expected = by_the_specification(text)
    parser = SSEParser() if chance.random() < 0.8 else _GeneralWayParser()
    found = _read(parser, pieces)
    assert found == expected, f"{pieces} gave {found}, not {expected}"
    _check_data(
        _LineByLineParser() if chance.random() < 0.5 else SSEParser(), pieces, expected.events
    )
    if chance.random() < 0.25:
        limit = chance.choice((1, 6, 14, 20, 50, 200, 1100))
        before = over_the_limit(text, limit)
        read = _read_to_the_limit(pieces, limit)
        wanted = (expected.events[:before], before is not None)
        assert read == wanted, f"{pieces} with the limit {limit} gave {read}, not {wanted}"
