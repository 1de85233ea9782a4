"""`HeadSplitter` against h11: what it holds back is what h11 would have taken for the body."""

from __future__ import annotations

from typing import NamedTuple

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_stream._shared.head import HeadSplitter


class Split(NamedTuple):
    """What was handed on, and what was held back; None if the head has not ended."""

    head: bytes
    body: bytes | None


def split(splitter: HeadSplitter, chunks: list[bytes]) -> Split:
    head, body = b"", None
    for chunk in chunks:
        head_part, body_part = splitter.feed(chunk)
        assert head_part + (body_part or b"") == chunk
        head += head_part
        if body is not None:
            assert head_part == b""
            assert body_part is not None
        if body_part is not None:
            body = (body or b"") + body_part
    return Split(head, body)


def client() -> h11.Connection:
    connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=1024 * 1024)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "localhost")]))
    connection.send(h11.EndOfMessage())
    return connection


def read_head_by_h11(stream: bytes) -> tuple[list[int], bytes]:
    """The statuses of the heads in a stream, and what h11 takes for the body."""
    connection = client()
    connection.receive_data(stream)
    connection.receive_data(b"")
    statuses: list[int] = []
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, (h11.InformationalResponse, h11.Response)):
            statuses.append(event.status_code)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            return statuses, body


LINE_ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\n"])
FIELD_LINES = st.sampled_from(
    [
        b"content-type: text/event-stream",
        b"x-empty:",
        b"x-folded: a{end} b{end}\tc",
        b"x-latin: \xe9",
        b"x-status: HTTP/1.1 200 OK",
        b"x-long: " + b"y" * 300,
    ]
)


@st.composite
def heads(draw: st.DrawFn, statuses: st.SearchStrategy[bytes]) -> bytes:
    status_line = draw(st.sampled_from([b"HTTP/1.1 %s", b"HTTP/1.1 %s OK", b"HTTP/1.0 %s Not so"]))
    lines = [status_line % draw(statuses), *draw(st.lists(FIELD_LINES, max_size=4))]
    text = b"".join([line + draw(LINE_ENDS) for line in lines])
    return text.replace(b"{end}", draw(LINE_ENDS)) + draw(LINE_ENDS)


INTERIM = heads(st.sampled_from([b"100", b"102", b"103", b"199"]))
FINAL = heads(st.sampled_from([b"200", b"201", b"404", b"503"]))
BODIES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"\n\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"data: a\n\n"]),
)


@st.composite
def cuts(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    starts, ends = [0, *places], [*places, len(stream)]
    return [stream[start:end] for start, end in zip(starts, ends, strict=True)]


@settings(max_examples=500)
@given(st.lists(INTERIM, max_size=3), FINAL, BODIES, st.data())
def test_it_splits_where_h11_does(
    interim: list[bytes], final: bytes, body: bytes, data: st.DataObject
) -> None:
    head = b"".join([*interim, final])
    chunks = data.draw(cuts(head + body))
    found = split(HeadSplitter(), chunks)
    assert found == Split(head, body)
    statuses, body_of_h11 = read_head_by_h11(head + body)
    assert len(statuses) == len(interim) + 1
    assert body_of_h11 == body
    assert read_head_by_h11(found.head) == (statuses, b"")


@settings(max_examples=100)
@given(st.lists(INTERIM, max_size=2), FINAL, BODIES)
def test_byte_by_byte(interim: list[bytes], final: bytes, body: bytes) -> None:
    head = b"".join([*interim, final])
    stream = head + body
    found = split(HeadSplitter(), [stream[i : i + 1] for i in range(len(stream))])
    assert found == Split(head, body or (b"" if stream else None))


@settings(max_examples=300)
@given(st.binary(max_size=40), st.data())
def test_what_is_no_response_is_handed_on(junk: bytes, data: st.DataObject) -> None:
    stream = junk + b"\r\n\r\nmore"
    assert split(HeadSplitter(), data.draw(cuts(stream))) == Split(stream, None)


@pytest.mark.parametrize(
    "stream",
    [
        b"\r\nHTTP/1.1 200 OK\r\n\r\nbody",
        b"HTTP/2 200\r\n\r\nbody",
        b"HTTX/1.1 200 OK\r\n\r\nbody",
        b"http/1.1 200 OK\r\n\r\nbody",
        b"HTTP/1.1 20\r\n\r\nbody",
        b"HTTP/1.1 2000\r\n\r\nbody",
        b"HTTP/1.1  200\r\n\r\nbody",
        b"HTTP/1.1\r\n\r\nbody",
        b"HTTP/1.1 100 Continue\r\n\r\nbody\r\n\r\n",
    ],
)
def test_what_h11_has_to_refuse_reaches_it_whole(stream: bytes) -> None:
    for chunks in ([stream], [stream[i : i + 1] for i in range(len(stream))]):
        assert split(HeadSplitter(), chunks) == Split(stream, None)
    connection = client()
    connection.receive_data(stream)
    with pytest.raises(h11.RemoteProtocolError):
        list(iter(connection.next_event, h11.NEED_DATA))


def test_an_upgrade_is_final() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"
    assert HeadSplitter().feed(head + b"raw") == (head, b"raw")


def test_reset_begins_the_next_response() -> None:
    splitter = HeadSplitter()
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    for _ in range(3):
        assert splitter.feed(head[:9]) == (head[:9], None)
        assert splitter.feed(head[9:] + b"a") == (head[9:], b"a")
        assert splitter.feed(b"b") == (b"", b"b")
        splitter.reset()
    assert splitter.feed(b"junk") == (b"junk", None)
    splitter.reset()
    assert splitter.feed(head) == (head, b"")


@pytest.mark.parametrize("size", [1, 1000, 1_000_000])
def test_a_flood_of_interim_responses(size: int) -> None:
    head = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 1000 + b"HTTP/1.1 200 OK\r\n\r\n"
    stream = head + b"body"
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert split(HeadSplitter(), chunks) == Split(head, b"body")


def test_a_dripped_head_holds_next_to_nothing() -> None:
    # Were the head searched again with each of its bytes, this would end with the hang guard.
    head = b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n"
    splitter = HeadSplitter()
    for position in range(len(head) - 1):
        _, body = splitter.feed(head[position : position + 1])
        assert body is None
    held = [value for value in vars(splitter).values() if isinstance(value, bytes)]
    assert sum(map(len, held)) < 20
    assert splitter.feed(b"\nz") == (b"\n", b"z")
