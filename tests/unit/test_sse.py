"""`SSEParser`: the size limit, the end of a stream, wrong use, and how much work it does."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from fal_stream._shared.sse import Leftover, SSEParser
from fal_stream._shared.sse_event_buffer import FieldReader
from fal_stream.errors import ConfigError, EventTooLarge
from fal_stream.types import ServerSentEvent

MIB = 1024 * 1024


def message(data: str, event_id: str = "") -> ServerSentEvent:
    return ServerSentEvent("message", data, event_id, None)


def pieces(stream: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


def feed_all(parser: SSEParser, stream: bytes, size: int) -> list[ServerSentEvent]:
    return [event for piece in pieces(stream, size) for event in parser.feed(piece)]


# --- the size limit ---


@pytest.mark.parametrize(
    "too_large",
    [
        b"data: 123456789\n\n",
        b"data: 123456789",
        b"data: 12\ndata: 3\n\n",
        b"data: 12\nid: 34\n\n",
        b"unknown: 123456789\n",
        b"no end at all, and no field",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_is_over_the_limit_is_refused(too_large: bytes, size: int) -> None:
    parser = SSEParser(max_event_bytes=14)
    with pytest.raises(EventTooLarge, match=r"max_event_bytes \(14 bytes\)") as caught:
        feed_all(parser, too_large, size)
    assert caught.value.limit == 14
    assert str(caught.value) == (
        "An event of the stream is larger than max_event_bytes (14 bytes); raise max_event_bytes "
        "if the app does send events of that size"
    )


@pytest.mark.parametrize("size", [1, 3, 100])
def test_all_lines_of_an_event_add_up(size: int) -> None:
    stream = b"data: 1\ndata: 2\nid: 3\n" + b"data: 4\n\n"
    assert feed_all(SSEParser(max_event_bytes=29), stream, size) == [message("1\n2\n4", "3")]
    with pytest.raises(EventTooLarge):
        feed_all(SSEParser(max_event_bytes=28), stream, size)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_just_fits_is_taken(size: int) -> None:
    stream = b"data: 12345678\n: ping\n\ndata: 1\ndata:2\n:\n\n"
    parser = SSEParser(max_event_bytes=14)
    assert feed_all(parser, stream, size) == [message("12345678"), message("1\n2")]


def test_events_before_the_large_one_come_first_and_the_next_call_raises() -> None:
    parser = SSEParser(max_event_bytes=20)
    assert parser.feed(b"data: a\n\ndata: b\n\ndata: " + b"x" * 30) == [message("a"), message("b")]
    with pytest.raises(EventTooLarge):
        parser.feed(b"")


def test_events_after_the_large_one_are_not_given() -> None:
    parser = SSEParser(max_event_bytes=20)
    stream = b"data: a\n\ndata: " + b"x" * 30 + b"\n\ndata: c\n\n"
    assert parser.feed(stream) == [message("a")]


def test_close_raises_what_feed_held_back() -> None:
    parser = SSEParser(max_event_bytes=20)
    assert parser.feed(b"data: a\n\ndata: " + b"x" * 30) == [message("a")]
    with pytest.raises(EventTooLarge):
        parser.close()


def test_once_failed_it_stays_failed() -> None:
    parser = SSEParser(max_event_bytes=10)
    for attempt in (b"data: " + b"x" * 30, b"\n\n", b"data: y\n\n"):
        with pytest.raises(EventTooLarge):
            parser.feed(attempt)
    with pytest.raises(EventTooLarge):
        parser.close()
    with pytest.raises(EventTooLarge):
        parser.feed(b"data: z\n\n")


def test_comments_have_no_limit() -> None:
    parser = SSEParser(max_event_bytes=10)
    endless = b": " + b"ping " * 100
    assert feed_all(parser, endless + b"\n" + endless + b"\n\ndata: x\n\n", 7) == [message("x")]


def test_comments_and_unknown_fields_do_not_add_up() -> None:
    parser = SSEParser(max_event_bytes=20)
    stream = b"data: a\n" + b": ping\nunknown: x\nretry: 5\n" * 100 + b"data: b\n\n"
    assert feed_all(parser, stream, 11) == [ServerSentEvent("message", "a\nb", "", 5)]


def memory_held_after(parser: SSEParser, feeds: int, chunk: bytes, *, fails: bool = False) -> int:
    """The most bytes that the parser holds between two feeds."""
    tracemalloc.start()
    try:
        before, most = tracemalloc.get_traced_memory()[0], 0
        for _ in range(feeds):
            try:
                parser.feed(chunk)
            except EventTooLarge:
                assert fails
            most = max(most, tracemalloc.get_traced_memory()[0] - before)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before if fails else most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("chunk", [b": ping\n" * 1000, b":" * 7000, b"unknown: x\n" * 700])
def test_endless_lines_without_meaning_take_no_memory(chunk: bytes) -> None:
    assert memory_held_after(SSEParser(), 300, chunk) < 64 * 1024


def test_a_failed_parser_frees_its_memory() -> None:
    parser = SSEParser(max_event_bytes=4 * MIB)
    assert memory_held_after(parser, 80, b"data: " + b"x" * 65530, fails=True) < 64 * 1024


def test_tiny_data_lines_do_not_multiply_memory() -> None:
    parser = SSEParser(max_event_bytes=4 * MIB)
    assert memory_held_after(parser, 60, b"data:x\n" * 9000) < 3 * 60 * 9000 * len(b"data:x\n")


# --- the data alone ---

# What comes in, piece by piece, and what is given for each: bytes for a plain event.
DATA_OF_STREAMS: dict[str, list[tuple[bytes, list[bytes | ServerSentEvent]]]] = {
    "plain events": [
        (b"data: 1\n\ndata: 2\n\n", [b"1", b"2"]),
        (b"data: 3\n\ndata:4\n\n", [b"3", b"4"]),
        (b"data: 5\n\n", [b"5"]),
    ],
    "no UTF-8": [(b"data: \xff\n\n", [b"\xff"]), (b"data: \xe2\x82\n\n", [b"\xe2\x82"])],
    "empty data": [(b"data: \n\ndata:\n\ndata\n\n", [b"", b"", b""]), (b"data: \n\n", [b""])],
    "other line ends": [
        (b"data: 1\r\n\r\n", [b"1"]),
        (b"data: 2\r\r", [b"2"]),
        (b"data: 3\rid: 7\r\r", [message("3", "7")]),
        (b"data: 4\r\n\r\ndata: 5\n\n", [b"4", b"5"]),
        (b"data: 6\rdata: 7\n\n", [message("6\n7", "7")]),
    ],
    "other fields": [
        (b"event: tok\ndata: 1\n\n", [ServerSentEvent("tok", "1")]),
        (b"data: 2\ndata: 3\n\n", [message("2\n3")]),
        (b"data: 4\n\nid: 7\ndata: 5\n\ndata: 6\n\n", [b"4", message("5", "7"), b"6"]),
        (b"data: 7\nevent: tok\n\n", [ServerSentEvent("tok", "7", "7")]),
    ],
    "comments and unknown fields": [
        (b"data: 1\n\n", [b"1"]),
        (b": ping\n\ndata: 2\n\n", [b"2"]),
        (b"data: 3\n: ping\nunknown: x\n\n", [b"3"]),
    ],
    "cut in its value": [(b"data: 1", []), (b"2\n\ndata: 3\n\nda", [b"12", b"3"])],
    "cut in its name": [(b"da", []), (b"ta: 1\n\n", [b"1"])],
    "cut before its blank line": [(b"data: 1\n", []), (b"\ndata: 2\n\n", [b"1", b"2"])],
    "cut before its line end": [(b"data: 1", []), (b"\n\n", [b"1"])],
    "a value that looks like an event": [
        (b"data: 1", []),
        (b"data: 2\n\n", [b"1data: 2"]),
    ],
    "half a comment": [(b"data: 0\n\n: ping", [b"0"]), (b"data: 1\n\ndata: 2\n\n", [b"2"])],
    "half an event": [(b"data: 0\n\ndata: 1\n", [b"0"]), (b"data: 2\n\n", [message("1\n2")])],
    "half an id": [(b"id: 7", []), (b"data: 2\n\ndata: 3\n\n", [b"3"])],
    "half a byte order mark": [(b"\xef\xbb", []), (b"data: 1\n\ndata: 2\n\n", [b"2"])],
    "a byte order mark": [(b"\xef\xbb\xbfdata: 1\n\n", [b"1"]), (b"data: 2\n\n", [b"2"])],
    "a byte order mark that is none": [
        (b"", []),
        (b"data: 1\n\n", [b"1"]),
        (b"\xef\xbb\xbfdata: 2\n\ndata: 3\n\n", [b"3"]),
    ],
    "a byte order mark after plain events": [
        (b"data: 1\n\n", [b"1"]),
        (b"\xef\xbb\xbfdata: 2\n\ndata: 3\n\n", [b"3"]),
    ],
    "half a line end": [
        (b"data: 1\r\n\r", [b"1"]),
        (b"\ndata: 2\n\n", [b"2"]),
        (b"data: 3\r", []),
        (b"data: 4\n\n", [message("3\n4")]),
    ],
    "nothing": [(b"", []), (b"data: 1\n\n", [b"1"]), (b"", []), (b"\n", []), (b"", [])],
}


@pytest.mark.parametrize("name", DATA_OF_STREAMS)
def test_of_plain_events_the_data_alone_is_given(name: str) -> None:
    parser = SSEParser()
    for chunk, expected in DATA_OF_STREAMS[name]:
        assert list(parser.feed_data(chunk)) == expected


def test_the_id_is_kept_while_the_data_alone_is_given() -> None:
    parser = SSEParser(last_event_id="6")
    assert parser.feed_data(b"data: 1\n\n") == [b"1"]
    assert parser.last_event_id == "6"
    parser.feed_data(b"id: 7\ndata: 2\n\ndata: 3\n\n")
    assert parser.last_event_id == "7"
    assert parser.feed(b"data: 4\n\n") == [message("4", "7")]


@pytest.mark.parametrize("before", [[], [b"data: 0\n\n"]])
def test_retry_ends_with_the_event_of_which_the_data_alone_is_given(before: list[bytes]) -> None:
    parser = SSEParser()
    for chunk in [*before, b"retry: 5\n\n", b"data: 1\n\ndata: 2\n"]:
        parser.feed_data(chunk)
    assert parser.retry_ms == 5
    assert parser.close() == Leftover(message("2"), b"data: 2\n", True)


def test_plain_events_need_not_fit_together() -> None:
    parser = SSEParser(max_event_bytes=14)
    stream = b"data: 12345678\n\n" * 3
    assert parser.feed_data(stream) == parser.feed_data(stream) == [b"12345678"] * 3


@pytest.mark.parametrize("before", [[], [b"data: 0\n\n"]])
def test_the_limit_holds_where_the_data_alone_is_given(before: list[bytes]) -> None:
    parser = SSEParser(max_event_bytes=14)
    for chunk in before:
        parser.feed_data(chunk)
    assert not parser.has_failed
    parser.check()
    with pytest.raises(EventTooLarge) as caught:
        parser.feed_data(b"data: 123456789\n\n")
    assert caught.value.limit == 14
    assert parser.has_failed


@pytest.mark.parametrize("feed", [SSEParser.feed, SSEParser.feed_data])
def test_an_error_that_is_held_back_is_told_when_asked_for(
    feed: Callable[[SSEParser, bytes], list[Any]],
) -> None:
    parser = SSEParser(max_event_bytes=14)
    assert len(feed(parser, b"data: 1\n\ndata: 2\n\n")) == 2
    states = [parser.has_failed]
    parser.check()
    assert len(feed(parser, b"data: 3\n\ndata: 123456789\n\ndata: 4\n\n")) == 1
    states.append(parser.has_failed)
    assert states == [False, True]
    for _ in range(2):
        with pytest.raises(EventTooLarge, match=r"max_event_bytes \(14 bytes\)") as caught:
            parser.check()
        assert caught.value.limit == 14
        with pytest.raises(EventTooLarge):
            feed(parser, b"data: 5\n\n")
    with pytest.raises(EventTooLarge):
        parser.close()


@pytest.mark.parametrize("before", [[], [b"data: 0\n\n"]])
def test_a_closed_parser_gives_no_data_either(before: list[bytes]) -> None:
    parser = SSEParser()
    for chunk in before:
        parser.feed_data(chunk)
    parser.close()
    parser.check()
    with pytest.raises(ValueError, match="new SSEParser"):
        parser.feed_data(b"data: 1\n\n")


# --- the end of a stream ---


@pytest.mark.parametrize(
    ("stream", "leftover"),
    [
        (b"", None),
        (b"data: a\n\n", None),
        (b": ping\n", None),
        (b"data: a\n\n: cut pin", None),
        (b"unknown: x\nretry: 5\n", None),
        (b"data: a\r\n\r", None),
        (b"data: b\n", Leftover(message("b"), b"data: b\n", True)),
        (b"data: b\r", Leftover(message("b"), b"data: b\n", True)),
        (b"data: b", Leftover(message("b"), b"data: b", False)),
        (b"data: b\n: cut pin", Leftover(message("b"), b"data: b\n", False)),
        (b"data: b\n: ping\n", Leftover(message("b"), b"data: b\n", True)),
        (b"data: b\nx", Leftover(message("b"), b"data: b\nx", False)),
        (b"data: b\nda", Leftover(message("b"), b"data: b\nda", False)),
        (b"data: b\r\ndata: c", Leftover(message("b\nc"), b"data: b\ndata: c", False)),
        (b"da", Leftover(None, b"da", False)),
        (b"retry: 3", Leftover(None, b"retry: 3", False)),
        (b"event: tok\n", Leftover(None, b"event: tok\n", True)),
        (b"\xef\xbb", Leftover(None, b"\xef\xbb", False)),
        (b"data: \xe2\x82", Leftover(message("\ufffd"), b"data: \xe2\x82", False)),
        (
            b"data: b\nid: 7\nevent: tok\n",
            Leftover(ServerSentEvent("tok", "b", "7"), b"id: 7\nevent: tok\ndata: b\n", True),
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_what_is_pending_at_the_end(stream: bytes, leftover: Leftover | None, size: int) -> None:
    parser = SSEParser()
    feed_all(parser, stream, size)
    assert parser.close() == leftover
    assert parser.close() is None


def test_a_leftover_of_many_lines_is_whole() -> None:
    parser = SSEParser()
    stream = b"".join(b"data: %d\n" % number for number in range(200))
    assert parser.feed(stream) == []
    expected = message("\n".join(map(str, range(200))))
    assert parser.close() == Leftover(expected, stream, True)


def test_a_leftover_changes_neither_id_nor_retry() -> None:
    parser = SSEParser()
    parser.feed(b"id: 1\nretry: 10\ndata: a\n\nid: 2\ndata: b\nretry: 2")
    leftover = parser.close()
    assert leftover is not None
    assert leftover.event == ServerSentEvent("message", "b", "2", None)
    assert (parser.last_event_id, parser.retry_ms) == ("1", 10)


def test_feeding_a_closed_parser_is_an_error() -> None:
    parser = SSEParser()
    parser.close()
    with pytest.raises(ValueError, match="new SSEParser"):
        parser.feed(b"data: a\n\n")


# --- what is handed in ---


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "10", None])
def test_a_bad_limit_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=f"max_event_bytes={value!r}"):
        SSEParser(max_event_bytes=value)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", None, b"7"])
def test_a_bad_last_event_id_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"last_event_id=.*leave it out"):
        SSEParser(last_event_id=value)


def test_the_last_event_id_of_an_earlier_connection_holds() -> None:
    parser = SSEParser(last_event_id="41")
    assert parser.feed(b"data: a\n\nid: 42\ndata: b\n\n") == [
        message("a", "41"),
        message("b", "42"),
    ]
    assert parser.last_event_id == "42"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_kinds_of_bytes_are_taken(kind: Callable[[bytes], Any]) -> None:
    assert SSEParser().feed(kind(b"data: a\n\n")) == [message("a")]


@pytest.mark.parametrize("value", ["data: a\n\n", 5, None, [100]])
def test_what_is_no_bytes_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        SSEParser().feed(value)


def test_retry_acts_before_the_event_ends() -> None:
    parser = SSEParser()
    parser.feed(b"retry: 70\n")
    assert parser.retry_ms == 70


def test_retry_is_told_once() -> None:
    events = SSEParser().feed(b"retry: 70\n\ndata: a\n\ndata: b\n\n")
    assert [event.retry for event in events] == [70, None]


# --- how much work it does ---


class CountingReader:
    """Counts what `sseclient` is given, by way of the real reader."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.blocks: list[bytes] = []
        read = FieldReader.read

        def counted(reader: FieldReader, block: bytes) -> Any:
            self.blocks.append(block)
            return read(reader, block)

        monkeypatch.setattr(FieldReader, "read", counted)


def calls_during(work: Callable[[], object]) -> int:
    """How many Python and C functions are called."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_plain_events_never_reach_sseclient(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = CountingReader(monkeypatch)
    stream = b'data: {"index": 12}\n\n' * 500
    assert len(feed_all(SSEParser(), stream, 64)) == 500
    assert reader.blocks == []


def test_the_tests_can_turn_the_short_way_off(monkeypatch: pytest.MonkeyPatch) -> None:
    # Else those that compare it with sseclient would compare it with itself.
    reader = CountingReader(monkeypatch)
    parser = SSEParser()
    parser._fast_path = False
    assert feed_all(parser, b"data: 1\n\n", 100) == [message("1")]
    assert feed_all(parser, b"data: 2\n\n", 3) == [message("2")]
    assert reader.blocks == [b"data: 1", b"data: 2"]


def test_plain_events_take_few_calls_each() -> None:
    stream = b'data: {"token": "abc", "index": 12}\n\n' * 1000
    assert calls_during(lambda: SSEParser().feed(stream)) < 10 * 1000


@pytest.mark.parametrize("size", [1024, 65536])
def test_a_long_line_takes_few_calls_a_chunk(size: int) -> None:
    stream = b"data: " + b"x" * (10 * MIB) + b"\n\n"
    parser = SSEParser()
    calls = calls_during(lambda: feed_all(parser, stream, size))
    assert calls < 30 * (len(stream) / size + 10)


def test_a_long_line_in_tiny_pieces_is_linear() -> None:
    # Were the line copied with each of the 250,000 pieces, this would end with the hang guard.
    line = b"data: " + b"x" * (16 * MIB)
    parser = SSEParser()
    assert feed_all(parser, line, 64) == []
    (event,) = parser.feed(b"\n\n")
    assert len(event.data) == 16 * MIB


@pytest.mark.parametrize("size", [1024, 65536, 16 * MIB])
def test_many_data_lines_are_linear(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    reader = CountingReader(monkeypatch)
    line = b"data: " + b"y" * 93 + b"\n"
    stream = line * 80_000 + b"\n"
    (event,) = feed_all(SSEParser(), stream, size)
    assert event.data == "\n".join(["y" * 93] * 80_000)
    assert max(block.count(b"\n") for block in reader.blocks) < 64
    assert max(map(len, reader.blocks)) <= 64 * len(line)
    assert sum(map(len, reader.blocks)) <= len(stream)


def test_long_data_lines_are_not_copied_together(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = CountingReader(monkeypatch)
    line = b"data: " + b"y" * 100_000 + b"\n"
    (event,) = SSEParser().feed(line * 80 + b"\n")
    assert len(event.data) == 80 * 100_001 - 1
    assert max(block.count(b"\n") for block in reader.blocks) == 0


def test_a_byte_order_mark_alone_is_nothing() -> None:
    parser = SSEParser()
    assert parser.feed(b"\xef\xbb\xbf") == []
    assert parser.close() is None


def test_the_unfinished_event_has_its_retry() -> None:
    parser = SSEParser()
    parser.feed(b"retry: 5\ndata: x\n")
    leftover = parser.close()
    assert leftover is not None
    assert leftover.event == ServerSentEvent("message", "x", "", 5)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_kind_of_bytes_is_taken(kind: Callable[[bytes], Any]) -> None:
    parser = SSEParser()
    stream = b"data: 1\r\n\r\ndata: 2\rid: 3\r\rdata: 4\n\n"
    events = [event for piece in pieces(stream, 9) for event in parser.feed(kind(piece))]
    assert events == [message("1"), message("2", "3"), message("4", "3")]


def test_wrong_use_is_named_in_full() -> None:
    parser = SSEParser()
    parser.close()
    with pytest.raises(ValueError, match=r"^feed\(\) after close\(\): a new stream .*SSEParser$"):
        parser.feed(b"")
    with pytest.raises(ConfigError) as caught:
        SSEParser(last_event_id="a\0")
    assert str(caught.value) == (
        "last_event_id='a\\x00' must be a string without NUL, CR and LF; "
        'give "" or leave it out if there is none'
    )
    assert SSEParser(last_event_id="X1").last_event_id == "X1"
