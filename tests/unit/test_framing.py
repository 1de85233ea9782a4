"""Body framing, by itself and against h11, which reads the same bytes."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from typing import NamedTuple

import h11
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fal_stream._shared import framing as framing_module
from fal_stream._shared.framing import (
    BodyFraming,
    ChunkedBody,
    FramingError,
    SizedBody,
    UnframedBody,
    framing_for,
)

MIB = 1024 * 1024


class Reading(NamedTuple):
    """What a reader made of some bytes."""

    body: bytes
    done: bool
    refused: bool


def pieces(stream: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


def read(framing: BodyFraming, chunks: list[bytes]) -> Reading:
    body = b""
    try:
        for chunk in chunks:
            body += framing.feed(chunk)
        body += framing.feed(b"")
    except FramingError:
        return Reading(body, framing.done, True)
    return Reading(body, framing.done, False)


def response_connection(head: bytes, method: str = "GET") -> h11.Connection:
    """h11 as a client that has sent a request and read the given response head."""
    connection = h11.Connection(our_role=h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "localhost")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(head)
    assert isinstance(connection.next_event(), h11.Response)
    return connection


CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def read_by_h11(chunks: list[bytes]) -> Reading:
    connection = response_connection(CHUNKED_HEAD)
    body, done = b"", False
    try:
        for chunk in filter(None, chunks):
            if done:
                break
            connection.receive_data(chunk)
            event = connection.next_event()
            while isinstance(event, h11.Data):
                body += bytes(event.data)
                event = connection.next_event()
            done = isinstance(event, h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return Reading(body, False, True)
    return Reading(body, done, False)


@st.composite
def cuts(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    starts, ends = [0, *places], [*places, len(stream)]
    return [stream[start:end] for start, end in zip(starts, ends, strict=True)]


# A space before the semicolon, which the RFC allows and h11 doesn't, has a test of its own.
EXTENSIONS = st.sampled_from([b"", b"", b"", b";x", b";a=b", b'; q="; "', b";", b" ", b"\t "])
SPACE_BEFORE_EXTENSION = re.compile(rb"[0-9A-Fa-f][ \t]+;")
TRAILERS = st.sampled_from([b"", b"", b"x-sum: 1\r\n", b"a:\r\nb: \t c d \r\n", b"A-b:\xe9\r\n"])


@st.composite
def chunk_texts(draw: st.DrawFn, data: bytes) -> bytes:
    size = f"{len(data):{draw(st.sampled_from(['x', 'X', '04x', '016X']))}}".encode()
    return size + draw(EXTENSIONS) + b"\r\n" + data + b"\r\n"


@st.composite
def valid_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    different = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
    alike = st.lists(st.sampled_from([b"ab", b"\r\n", b"2\r", b"\n2", b"0\r"]), max_size=9)
    data = draw(st.one_of(different, alike))
    chunks = b"".join([draw(chunk_texts(part)) for part in data])
    last_chunk = draw(st.sampled_from([b"0", b"000"])) + draw(EXTENSIONS) + b"\r\n"
    return b"".join(data), chunks + last_chunk + draw(TRAILERS) + b"\r\n"


@settings(max_examples=400)
@given(valid_bodies(), st.data())
def test_valid_chunked_bodies_are_read_as_h11_reads_them(
    sample: tuple[bytes, bytes], data: st.DataObject
) -> None:
    body, stream = sample
    chunks = data.draw(cuts(stream))
    framing = ChunkedBody()
    assert read(framing, chunks) == read_by_h11(chunks) == Reading(body, True, False)
    assert framing.complete_at_eof
    assert framing.rest == b""


DAMAGE = [b"", b"\r", b"\n", b"\r\n", b" ", b";", b"0", b"g", b"-", b"\0", b":", b"_", b"0x1", b"5"]


@settings(max_examples=800)
@given(valid_bodies(), st.data())
def test_nothing_that_h11_refuses_is_taken(
    sample: tuple[bytes, bytes], data: st.DataObject
) -> None:
    _, stream = sample
    place = data.draw(st.integers(0, len(stream)))
    length = data.draw(st.integers(0, 3))
    damaged = stream[:place] + data.draw(st.sampled_from(DAMAGE)) + stream[place + length :]
    assume(not SPACE_BEFORE_EXTENSION.search(damaged))
    chunks = data.draw(cuts(damaged))
    ours, theirs = read(ChunkedBody(), chunks), read_by_h11(chunks)
    assert theirs.body.startswith(ours.body)
    if theirs.refused:
        assert not ours.done
    if not ours.refused:
        assert (ours.body, ours.done) == (theirs.body, theirs.done)


@settings(max_examples=400)
@given(st.lists(st.sampled_from([*DAMAGE, b"1", b"a", b"0\r\n\r\n"]), max_size=12), st.data())
def test_the_cuts_do_not_change_what_is_read(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    chunks = data.draw(cuts(stream))
    assert read(ChunkedBody(), chunks) == read(ChunkedBody(), [stream])


@pytest.mark.parametrize(
    "stream",
    [
        b"\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x5\r\nhello\r\n",
        b"1_0\r\n",
        b" 5\r\nhello\r\n",
        b"5\nhello\n",
        b"5\rhello",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\0\r\nhello\r\n",
        b"00000000000000005\r\nhello\r\n",
        b"5" + b";x" * 2100,
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n: no name\r\n\r\n",
        b"0\r\nname : x\r\n\r\n",
        b"0\r\na: b\n\r\n\r\n",
        b"0\r\na: b\r\n folded\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"0\r\n\n",
        b"0\r\n" + b"a: b\r\n" * 11_000,
        b"0\r\na: " + b"b" * 5000,
        b"0\r\na: " + b"b" * 4100 + b"\r\n\r\n",
        b"5;" + b"x" * 4100 + b"\r\nhello\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_broken_chunked_body_is_refused(stream: bytes, size: int) -> None:
    framing = ChunkedBody()
    with pytest.raises(FramingError):
        read_all(framing, stream, size)
    assert not framing.done
    assert not framing.complete_at_eof


def read_all(framing: BodyFraming, stream: bytes, size: int) -> bytes:
    return b"".join([framing.feed(piece) for piece in pieces(stream, size)])


def test_what_came_before_a_break_is_given_first() -> None:
    framing = ChunkedBody()
    assert framing.feed(b"5\r\nhello\r\n3\r\nabcXX5\r\nworld\r\n") == b"helloabc"
    for _ in range(2):
        with pytest.raises(FramingError, match="b'XX' instead of CR LF"):
            framing.feed(b"")
    assert not framing.complete_at_eof


@pytest.mark.parametrize("size", [1, 100])
def test_a_chunk_extension_may_follow_a_space(size: int) -> None:
    framing = ChunkedBody()
    assert read_all(framing, b"5 ;a=b\r\nhello\r\n0\t ;c\r\n\r\n", size) == b"hello"
    assert framing.done


PADDINGS = [b" ", b"  ", b"\t", b" \t" * 100, b" " * 4000]


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@pytest.mark.parametrize("padding", PADDINGS, ids=[str(len(each)) for each in PADDINGS])
def test_a_size_may_be_padded(padding: bytes, size: int) -> None:
    stream = b"5%b\r\nhello\r\n" % padding
    stream = stream * 3 + b"1%b;x\r\n!\r\n0%b\r\n\r\n" % (padding, padding)
    framing = ChunkedBody()
    assert read_all(framing, stream, size) == b"hellohellohello!"
    assert framing.done


@pytest.mark.parametrize(
    "line", [b" 5", b"\t5", b"5 5", b"5\x0b", b"5\x0c", b"5 \n", b"5 \r", b" "]
)
def test_other_blanks_are_refused(line: bytes) -> None:
    stream = line + b"\r\nhello\r\n0\r\n\r\n"
    assert read(ChunkedBody(), [stream]) == read_by_h11([stream]) == Reading(b"", False, True)


def test_many_chunks_of_one_read_are_joined() -> None:
    framing = ChunkedBody()
    assert framing.feed(b"1\r\na\r\n2\r\nbc\r\n3\r\nde") == b"abcde"
    assert framing.feed(b"f\r\n0\r\n\r\n") == b"f"
    assert framing.done


def test_a_piece_of_a_large_chunk_is_passed_on_uncopied() -> None:
    framing = ChunkedBody()
    framing.feed(b"100000\r\n")
    piece = b"x" * 65536
    assert framing.feed(piece) is piece


def test_a_huge_chunk_is_not_held() -> None:
    framing = ChunkedBody()
    framing.feed(b"%x\r\n" % (64 * MIB))
    piece = b"x" * 65536
    tracemalloc.start()
    try:
        for _ in range(1024):
            assert framing.feed(piece) is piece
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()
    assert framing.feed(b"\r\n0\r\n\r\n") == b""
    assert framing.done


def test_what_follows_the_last_chunk_is_the_rest() -> None:
    framing = ChunkedBody()
    assert framing.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1") == b"a"
    assert framing.feed(b" 200") == b""
    assert framing.rest == b"HTTP/1.1 200"


@pytest.mark.parametrize("end", [b"", b"0", b"0\r\n", b"0\r\n\r", b"0\r\na: b\r\n"])
def test_a_chunked_body_without_its_end_is_not_complete(end: bytes) -> None:
    framing = ChunkedBody()
    assert framing.feed(b"1\r\na\r\n" + end) == b"a"
    assert not framing.complete_at_eof


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_sized_body(size: int) -> None:
    framing = SizedBody(5)
    assert read_all(framing, b"hello and more", size) == b"hello"
    assert framing.done
    assert framing.complete_at_eof
    assert framing.rest == b" and more"


def test_a_sized_body_that_is_cut_is_not_complete() -> None:
    framing = SizedBody(5)
    assert framing.feed(b"hell") == b"hell"
    assert not framing.done
    assert not framing.complete_at_eof


def test_an_empty_sized_body_is_done_at_once() -> None:
    framing = SizedBody(0)
    assert framing.done
    assert framing.feed(b"x") == b""
    assert framing.rest == b"x"


def test_a_sized_body_passes_on_uncopied() -> None:
    data = b"x" * 1000
    assert SizedBody(5000).feed(data) is data


def test_an_unframed_body_ends_with_the_connection() -> None:
    framing = UnframedBody()
    data = b"x" * 1000
    assert framing.feed(data) is data
    assert not framing.done
    assert framing.complete_at_eof


FIELDS = st.sampled_from(
    [
        (b"Content-Length", b"5"),
        (b"content-length", b"5"),
        (b"content-length", b"6"),
        (b"content-length", b"5, 5"),
        (b"content-length", b"0"),
        (b"transfer-encoding", b"chunked"),
        (b"Transfer-Encoding", b"Chunked"),
        (b"transfer-encoding", b"gzip"),
        (b"content-type", b"text/event-stream"),
    ]
)


@settings(max_examples=400)
@given(
    st.sampled_from([200, 201, 204, 304, 404, 500]),
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.lists(FIELDS, max_size=3),
)
def test_the_framing_is_that_of_h11(
    status: int, method: str, headers: list[tuple[bytes, bytes]]
) -> None:
    try:
        framing = framing_for(status, method, headers)
    except FramingError:
        return
    lines = [name + b": " + value for name, value in headers]
    head = b"\r\n".join([b"HTTP/1.1 %d OK" % status, *lines, b"", b""])
    try:
        connection = response_connection(head, method)
    except h11.RemoteProtocolError:
        pytest.fail(f"h11 refuses {head!r}")
    stream = b"5\r\nhello\r\n0\r\n\r\n"
    connection.receive_data(stream)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert framing.feed(stream) == body
    assert framing.done == isinstance(event, h11.EndOfMessage)
    assert framing.rest == (connection.trailing_data[0] if framing.done else b"")


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"5"), (b"content-length", b"6")],
        [(b"content-length", b"5, 6")],
        [(b"content-length", b"5, 05")],
        [(b"content-length", b"")],
        [(b"content-length", b"5,")],
        [(b"content-length", b"-5")],
        [(b"content-length", b"+5")],
        [(b"content-length", b"1_0")],
        [(b"content-length", b"5\n")],
        [(b"content-length", "²".encode())],
        [(b"content-length", b"9" * 19)],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"gzip"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"")],
        [(b"transfer-encoding", b"\x0bchunked")],
        [(b"transfer-encoding", b"Xchunked")],
        [(b"content-length", b"X5")],
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(FramingError):
        framing_for(200, "POST", headers)


@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD")])
def test_some_responses_have_no_body(status: int, method: str) -> None:
    framing = framing_for(status, method, [(b"content-length", b"5")])
    assert framing.done
    assert framing.feed(b"12345") == b""
    assert framing.rest == b"12345"


@pytest.mark.parametrize(
    "headers",
    [
        [(b"Transfer-Encoding", b"chunked")],
        [(b"transfer-encoding", b" \tChunked\t")],
        [(b"content-type", b"x/y"), (b"transfer-encoding", b"CHUNKED")],
    ],
)
def test_a_chunked_response(headers: list[tuple[bytes, bytes]]) -> None:
    framing = framing_for(200, "POST", headers)
    assert isinstance(framing, ChunkedBody)
    assert (framing.done, framing.rest) == (False, b"")


@pytest.mark.parametrize(
    "headers",
    [
        [(b"Content-Length", b"5")],
        [(b"content-length", b"5, 5")],
        [(b"content-length", b"5"), (b"content-length", b" 5\t")],
    ],
)
def test_a_response_with_a_length(headers: list[tuple[bytes, bytes]]) -> None:
    framing = framing_for(200, "POST", headers)
    assert isinstance(framing, SizedBody)
    assert framing.feed(b"hello more") == b"hello"
    assert framing.rest == b" more"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
            "The response has both Transfer-Encoding and Content-Length",
        ),
        (
            [(b"content-length", b"5, 6")],
            "The response has different lengths in Content-Length",
        ),
        (
            [(b"content-length", b"x" * 99)],
            f"The response has the Content-Length {b'x' * 80!r}, which is none",
        ),
        (
            [(b"transfer-encoding", b"gzip"), (b"transfer-encoding", b"x" * 99)],
            f"The response has the Transfer-Encoding {b'gzip, ' + b'x' * 74!r}, not chunked",
        ),
    ],
)
def test_contradictions_are_named(headers: list[tuple[bytes, bytes]], message: str) -> None:
    with pytest.raises(FramingError) as caught:
        framing_for(200, "POST", headers)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"g" * 99 + b"\r\n", f"Bad chunk size line: {b'g' * 80!r}"),
        (b"5;" + b"x" * 4093 + b"\r\n", "A chunk size line is longer than 4,096 bytes"),
        (b"0\r\n" + b"x" * 99 + b"\r\n", f"A trailer field is not allowed: {b'x' * 80!r}"),
        (b"0\r\na\n" + b"x" * 99, f"Bad trailer: {b'a' + bytes([10]) + b'x' * 78!r}"),
        (
            b"0\r\na:" + b"x" * 4093 + b"\r\n",
            "Trailers of more than 65,536 bytes, or 4,096 in a line",
        ),
    ],
)
def test_what_is_broken_is_named(stream: bytes, message: str) -> None:
    with pytest.raises(FramingError) as caught:
        ChunkedBody().feed(stream)
    assert str(caught.value) == message


@pytest.mark.parametrize("size", [1, 100_000])
def test_lines_of_the_longest_kind_are_taken(size: int) -> None:
    stream = b"5;" + b"x" * 4092 + b"\r\nhello\r\n0\r\na:" + b"x" * 4092 + b"\r\n\r\n"
    framing = ChunkedBody()
    assert read_all(framing, stream, size) == b"hello"
    assert framing.done


@pytest.mark.parametrize("extra", [0, 1])
def test_trailers_have_a_limit_together(extra: int) -> None:
    trailers = (b"a:" + b"x" * 4092 + b"\r\n") * 15 + b"b:" + b"x" * 4083 + b"\r\n"
    framing = ChunkedBody()
    last = b"c:" + b"x" * extra + b"\r\n"
    stream = b"0\r\n" + trailers + b"d:\r\n" + last + b"\r\n"
    assert len(trailers + b"d:\r\n" + last) == 64 * 1024 - 1 + extra
    assert framing.feed(stream) == b""
    assert framing.done


def test_trailers_over_the_limit_are_refused() -> None:
    trailers = (b"a:" + b"x" * 4092 + b"\r\n") * 16
    assert len(trailers) == 64 * 1024
    framing = ChunkedBody()
    framing.feed(b"0\r\n" + trailers)
    with pytest.raises(FramingError):
        framing.feed(b"c:\r\n")


def test_an_unfinished_line_has_a_limit() -> None:
    framing = ChunkedBody()
    framing.feed(b"5;" + b"x" * 4093)
    with pytest.raises(FramingError, match="Bad chunk size line"):
        framing.feed(b"x")


def test_a_carriage_return_in_a_line_is_refused_at_once() -> None:
    framing = ChunkedBody()
    framing.feed(b"5\r")
    with pytest.raises(FramingError):
        framing.feed(b"h")


def test_many_small_chunks_in_one_piece() -> None:
    framing = ChunkedBody()
    assert framing.feed(b"1\r\na\r\n" * 2000) == b"a" * 2000


# --- size lines that are known ---


class CountingPattern:
    """Counts the size lines that are read by the real pattern, not known from before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[bytes] = []
        self._pattern = framing_module._SIZE_LINE
        monkeypatch.setattr(framing_module, "_SIZE_LINE", self)

    def match(self, data: bytes, position: int) -> re.Match[bytes] | None:
        found = self._pattern.match(data, position)
        if found is not None:
            self.lines.append(found[0])
        return found


def chunk_of(size_line: bytes, body: bytes) -> bytes:
    return size_line + b"\r\n" + body + b"\r\n"


@pytest.mark.parametrize("per_read", [1, 4, 100])
def test_a_size_line_that_is_known_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch, per_read: int
) -> None:
    pattern = CountingPattern(monkeypatch)
    framing = ChunkedBody()
    chunks = [chunk_of(b"1", b"a"), chunk_of(b"10", b"b" * 16), chunk_of(b"1;x", b"c")] * 30
    for start in range(0, len(chunks), per_read):
        framing.feed(b"".join(chunks[start : start + per_read]))
    assert pattern.lines == [b"1\r\n", b"10\r\n", b"1;x\r\n"]


@pytest.mark.parametrize(("length", "times"), [(16, 1), (17, 3)])
def test_only_short_size_lines_are_known_again(
    monkeypatch: pytest.MonkeyPatch, length: int, times: int
) -> None:
    pattern = CountingPattern(monkeypatch)
    framing = ChunkedBody()
    line = b"1;" + b"x" * (length - 2)
    assert framing.feed(chunk_of(line, b"a") * 3) == b"aaa"
    assert pattern.lines == [line + b"\r\n"] * times


def test_512_size_lines_are_known_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = CountingPattern(monkeypatch)
    framing = ChunkedBody()
    lines = [b"1;%d" % number for number in range(513)]
    for line in [*lines[:512], *lines[:512]]:
        framing.feed(chunk_of(line, b"a"))
    assert len(pattern.lines) == 512
    for line in [lines[512], lines[512], lines[511], lines[0]]:
        framing.feed(chunk_of(line, b"a"))
    assert pattern.lines[512:] == [line + b"\r\n" for line in (lines[512], lines[511], lines[0])]


def test_many_kinds_of_size_lines_take_no_memory() -> None:
    framing = ChunkedBody()
    tracemalloc.start()
    try:
        for number in range(5000):
            framing.feed(chunk_of(b"1;%013d" % number, b"a"))
            framing.feed(chunk_of(b"1;%0500d" % number, b"a"))
        assert tracemalloc.get_traced_memory()[1] < 256 * 1024
    finally:
        tracemalloc.stop()


def known(*size_lines: bytes) -> ChunkedBody:
    """A body that has had chunks of these size lines."""
    framing = ChunkedBody()
    for line in size_lines:
        size = int(line.partition(b";")[0], 16)
        assert framing.feed(chunk_of(line, b"x" * size)) == b"x" * size
    return framing


def test_a_size_line_is_known_as_a_whole_only() -> None:
    framing = known(b"10", b"2;x")
    assert framing.feed(chunk_of(b"1", b"a")) == b"a"
    assert framing.feed(b"0\r\n\r\n") == b""
    assert framing.done
    framing = known(b"2")
    assert framing.feed(chunk_of(b"12", b"y" * 18)) == b"y" * 18
    assert framing.feed(chunk_of(b"2;x", b"yy")) == b"yy"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_a_known_chunk_may_be_cut_anywhere(size: int) -> None:
    framing = known(b"5", b"3")
    stream = chunk_of(b"5", b"hello") + chunk_of(b"3", b"abc") + chunk_of(b"5", b"world")
    assert read_all(framing, stream, size) == b"helloabcworld"
    assert framing.feed(b"0\r\n\r\nrest") == b""
    assert framing.done
    assert framing.rest == b"rest"


def test_what_looks_like_a_known_chunk_is_none_within_another() -> None:
    framing = known(b"1")
    assert framing.feed(b"a\r\n") == b""
    assert framing.feed(b"1\r\na\r\n1234") == b"1\r\na\r\n1234"
    assert framing.feed(b"\r\n") == b""
    assert framing.feed(chunk_of(b"1", b"b")) == b"b"


def test_what_looks_like_a_known_chunk_is_none_among_trailers() -> None:
    framing = known(b"1")
    assert framing.feed(b"0\r\n") == b""
    with pytest.raises(FramingError, match="A trailer field is not allowed: b'1'"):
        framing.feed(chunk_of(b"1", b"a"))


def test_an_empty_line_is_no_known_chunk() -> None:
    with pytest.raises(FramingError, match="Bad chunk size line"):
        known(b"1").feed(b"\r\n1\r\na\r\n")


@pytest.mark.parametrize("end", [b"XX", b"\rX", b"X\n", b"\n\r"])
def test_the_end_of_a_known_chunk_is_checked(end: bytes) -> None:
    framing = known(b"1")
    assert framing.feed(b"1\r\na\r\n1\r\nb" + end + b"1\r\nc\r\n") == b"ab"
    with pytest.raises(FramingError, match=re.escape(f"{end!r} instead of CR LF")):
        framing.check()


# --- an error that is held back ---


def test_a_break_is_told_when_asked_for() -> None:
    framing = ChunkedBody()
    framing.check()
    assert framing.feed(b"5\r\nhello\r\n") == b"hello"
    framing.check()
    states = [framing.has_failed]
    assert framing.feed(b"1\r\naXX0\r\n\r\n") == b"a"
    states.append(framing.has_failed)
    assert states == [False, True]
    for _ in range(2):
        with pytest.raises(FramingError, match=r"^A chunk is followed by b'XX' instead of CR LF$"):
            framing.check()
    with pytest.raises(FramingError, match=r"^A chunk is followed by b'XX' instead of CR LF$"):
        framing.feed(b"\r\n0\r\n\r\n")
    assert not framing.done


def test_a_break_at_once_is_told_again() -> None:
    framing = ChunkedBody()
    with pytest.raises(FramingError, match="Bad chunk size line"):
        framing.feed(b"g\r\n")
    assert framing.has_failed is True
    with pytest.raises(FramingError, match="Bad chunk size line"):
        framing.check()


@pytest.mark.parametrize("framing", [SizedBody(3), UnframedBody()])
def test_a_body_without_framing_of_its_own_never_fails(framing: BodyFraming) -> None:
    framing.feed(b"hello")
    framing.check()
    assert framing.has_failed is False
