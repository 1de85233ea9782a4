"""`SSEParser` on streams that are made up, against the specification as `tests/oracle.py` has it.

`tests/fuzz` does the same with many more, and faster; this finds the smallest that fails.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fal_stream._shared.sse import SSEParser
from fal_stream.errors import EventTooLarge
from fal_stream.types import ServerSentEvent
from tests.oracle import Reading, by_the_specification, over_the_limit


class GeneralWayParser(SSEParser):
    """Has every event read by `sseclient`."""

    _fast_path = False


class LineByLineParser(SSEParser):
    """Has the lines of all plain events searched for one by one."""

    _long_line = 0


KINDS = st.sampled_from([SSEParser, GeneralWayParser, LineByLineParser])


def run(parser: SSEParser, chunks: list[bytes]) -> Reading:
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    last_event_id, retry_ms = parser.last_event_id, parser.retry_ms
    leftover = parser.close()
    return Reading(events, last_event_id, retry_ms, leftover and leftover.event)


LINES = st.one_of(
    st.sampled_from(
        [
            b"",
            b"",
            b"",
            b"data: plain\n",
            b"data: plain\n",
            b"retry: 7\n\ndata: plain\n",
            b"data",
            b"data:",
            b"data: ",
            b"data:x",
            b"data: {}",
            b"data:  two",
            b"datax: no",
            b" data: no",
            b"event: tok",
            b"event",
            b"event: message",
            b"id: 7",
            b"id",
            b"id: a\0b",
            b"retry: 30",
            b"retry:5",
            b"retry: 5x",
            b"retry:",
            b"retry",
            b": ping",
            b":",
            b"unknown: x",
            b"\xef\xbb\xbfdata: not at the start",
            b"data: \xff\xe2\x82",
            b"data: \xc2\x85\xe2\x80\xa8",
            b"\xed\xa0\x80",
        ]
    ),
    st.binary(max_size=6),
    st.builds(
        lambda name, value: name + b":" + value,
        st.sampled_from([b"data", b"event", b"id", b"retry"]),
        st.binary(max_size=8),
    ),
)
LINE_ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])
MANY_DATA_LINES = st.builds(
    lambda count, length: (b"data: " + b"y" * length + b"\n") * count + b"\n",
    st.integers(60, 135),
    st.sampled_from([1, 1100]),
)
STREAMS = st.builds(
    lambda start, lines, more, tail: b"".join([start, *lines, *more, tail]),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef\xbb\xbf\xef\xbb\xbf"]),
    st.lists(st.builds(bytes.__add__, LINES, LINE_ENDS), max_size=30),
    st.lists(MANY_DATA_LINES, max_size=1),
    st.binary(max_size=5),
)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    stream = draw(STREAMS)
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    starts, ends = [0, *places], [*places, len(stream)]
    return stream, [stream[start:end] for start, end in zip(starts, ends, strict=True)]


@settings(max_examples=400)
@given(cut_streams(), KINDS)
def test_it_gives_what_the_specification_says(
    sample: tuple[bytes, list[bytes]], kind: type[SSEParser]
) -> None:
    stream, chunks = sample
    assert run(kind(), chunks) == by_the_specification(stream)


@settings(max_examples=300)
@given(cut_streams())
def test_the_short_way_and_sseclient_agree(sample: tuple[bytes, list[bytes]]) -> None:
    _, chunks = sample
    general = run(GeneralWayParser(), chunks)
    assert run(SSEParser(), chunks) == run(LineByLineParser(), chunks) == general


@settings(max_examples=400)
@given(cut_streams(), KINDS)
def test_what_is_given_for_the_data_alone_is_the_same(
    sample: tuple[bytes, list[bytes]], kind: type[SSEParser]
) -> None:
    _, chunks = sample
    whole, data = SSEParser(), kind()
    for chunk in chunks:
        events = whole.feed(chunk)
        given_for_data = data.feed_data(chunk)
        assert len(given_for_data) == len(events)
        for event, made in zip(events, given_for_data, strict=True):
            if isinstance(made, bytes):
                assert (event.event, event.data) == ("message", made.decode("utf-8", "replace"))
            else:
                assert made._replace(retry=None) == event._replace(retry=None)
    assert data.last_event_id == whole.last_event_id
    assert data.close() == whole.close()


def give_up_after(chunks: list[bytes], limit: int) -> tuple[list[ServerSentEvent], bool]:
    """The events of a stream, and whether it went over the limit."""
    parser = SSEParser(limit)
    events: list[ServerSentEvent] = []
    try:
        for chunk in chunks:
            events += parser.feed(chunk)
        parser.feed(b"")
    except EventTooLarge:
        return events, True
    return events, False


@settings(max_examples=400)
@given(cut_streams(), st.integers(1, 25))
def test_the_limit_does_not_depend_on_the_cuts(
    sample: tuple[bytes, list[bytes]], limit: int
) -> None:
    stream, chunks = sample
    before = over_the_limit(stream, limit)
    events = by_the_specification(stream).events[:before]
    assert give_up_after(chunks, limit) == (events, before is not None)


@settings(max_examples=200)
@given(cut_streams())
def test_the_leftover_does_not_depend_on_the_cuts(sample: tuple[bytes, list[bytes]]) -> None:
    stream, chunks = sample
    cut, whole = SSEParser(), SSEParser()
    for chunk in chunks:
        cut.feed(chunk)
    whole.feed(stream)
    assert cut.close() == whole.close()
