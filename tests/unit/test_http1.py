"""Heads of HTTP/1.1: what is written is one request, and what is read is what h11 reads."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_stream._shared import http1
from fal_stream._shared.http1 import (
    ProtocolError,
    ResponseHead,
    ResponseHeadReader,
    decode_headers,
    request_head,
)

OK = b"HTTP/1.1 200 OK\r\n"


def read(chunks: list[bytes]) -> tuple[ResponseHead | None, bytes]:
    """Give the head, and what follows it."""
    reader, head, rest = ResponseHeadReader(), None, b""
    for chunk in filter(None, chunks):
        if head is not None:
            rest += chunk
            continue
        head = reader.feed(chunk)
        rest = reader.rest
    return head, rest


def read_by_h11(data: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=1024 * 1024)
    connection.send(h11.Request(method="HEAD", target="/", headers=[("host", "localhost")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    while not isinstance(event := connection.next_event(), h11.Response):
        assert isinstance(event, h11.InformationalResponse), event
    return event.status_code, event.headers.raw_items(), connection.trailing_data[0]


NAMES = st.text("ABCDEFabcdef-_!#$", min_size=1, max_size=8).map(str.encode)
VALUES = st.text('abc \t;,=\x80\xff:"', max_size=12).map(lambda text: text.encode("latin-1"))
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
LINE_ENDS = st.sampled_from([b"\r\n", b"\n"])
STATUSES = st.sampled_from([200, 204, 301, 404, 422, 503, 599])
INTERIM = st.lists(st.sampled_from([100, 102, 103, 199]), max_size=3)


@settings(deadline=None)
@given(
    interim=INTERIM,
    status=STATUSES,
    fields=FIELDS,
    line_end=LINE_ENDS,
    rest=st.binary(max_size=9),
    data=st.data(),
)
def test_a_head_is_read_as_h11_reads_it(
    interim: list[int],
    status: int,
    fields: list[tuple[bytes, bytes]],
    line_end: bytes,
    rest: bytes,
    data: st.DataObject,
) -> None:
    lines = [b"%b: %b" % pair for pair in fields]
    text = b""
    for code in [*interim, status]:
        text += line_end.join([b"HTTP/1.1 %d Any Reason" % code, *lines, b"", b""])
    stream = text + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    head, found_rest = read(chunks)
    assert head is not None
    h11_status, h11_headers, _ = read_by_h11(text)
    assert (head.status, found_rest) == (h11_status, rest)
    assert head.headers == h11_headers
    assert head.reason == b"Any Reason"


def test_byte_by_byte() -> None:
    text = b"HTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200\r\nx-one:  1\t\r\n\r\nbody"
    head, rest = read([text[i : i + 1] for i in range(len(text))])
    assert head == ResponseHead(200, b"", [(b"x-one", b"1")], True)
    assert rest == b"body"


def test_a_field_that_goes_on_in_the_next_line() -> None:
    head, _ = read([OK + b"a: b\r\n\t c\r\nd: e\r\n\r\n"])
    assert head is not None
    assert head.headers == [(b"a", b"b c"), (b"d", b"e")]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"<html>", "does not begin as one of HTTP/1.1: b'<ht"),
        (b"H\0", "does not begin"),
        (b"PRI * HTTP/2.0", "does not begin"),
        (b"HTTP/2 200 OK\r\n\r\n", "does not begin"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "does not begin"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "does not begin"),
        (b"HTTP/1.1 000 None\r\n\r\n", "does not begin"),
        (b"HTTP/1.1 099 Low\r\n\r\n", "does not begin"),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", "does not begin"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the server answered 101"),
        (OK + b" a: b\r\n\r\n", "begins with a blank"),
        (OK + b"no colon\r\n\r\n", "a header line can't be read: b'no colon'"),
        (OK + b"a : b\r\n\r\n", "a header line can't be read: b'a : b'"),
        (OK + b"a: b\0\r\n\r\n", "a header line can't be read"),
        (OK + b"a: b\rc\r\n\r\n", "a header line can't be read"),
        (OK + b"a: b\x0b\r\n\r\n", "a header line can't be read"),
        (OK + b": b\r\n\r\n", "a header line can't be read"),
        (OK + b"x: " + b"y" * http1.MAX_HEAD + b"\r\n\r\n", "more than 102,400 bytes"),
        (OK + b"x: " + b"y" * http1.MAX_HEAD, "more than 102,400 bytes"),
    ],
)
def test_what_is_no_head(start: bytes, message: str) -> None:
    for chunks in ([start], [start[:3], start[3:]]):
        with pytest.raises(ProtocolError) as caught:
            read(chunks)
        assert message in str(caught.value)


def test_what_can_become_a_head_is_waited_for() -> None:
    reader = ResponseHeadReader()
    for byte in b"HTTP/1.1 200 OK\r\nx-sum: 1\r\n":
        assert reader.feed(bytes([byte])) is None


def test_a_dripped_head_is_linear() -> None:
    # Searched from its beginning at each byte, it would take minutes.
    text = OK + b"x: " + b"y\r\nz: " * 20_000 + b"1\r\n\r\n"
    head, _ = read([text[i : i + 1] for i in range(min(len(text), http1.MAX_HEAD - 4))])
    assert head is None


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        (b"1.1", None, True),
        (b"1.1", b"close", False),
        (b"1.1", b"Keep-Alive, CLOSE", False),
        (b"1.1", b"closed", True),
        (b"1.0", None, False),
        (b"1.0", b"keep-alive", True),
    ],
)
def test_whether_the_connection_persists(
    version: bytes, connection: bytes | None, keeps: bool
) -> None:
    field = b"" if connection is None else b"connection: %b\r\n" % connection
    head, _ = read([b"HTTP/%b 200 OK\r\n%b\r\n" % (version, field)])
    assert head is not None
    assert head.keeps_alive is keeps


def test_a_chunked_body_of_http_1_0_ends_the_connection() -> None:
    """RFC 9112, section 6.1."""
    for version, keeps in ((b"1.0", False), (b"1.1", True)):
        fields = b"connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
        head, _ = read([b"HTTP/%b 200 OK\r\n%b\r\n" % (version, fields)])
        assert head is not None
        assert head.keeps_alive is keeps


def test_the_headers_as_text() -> None:
    assert decode_headers([(b"A", b"1"), (b"B", "ü".encode()), (b"a", b"2")]) == {
        "a": "1, 2",
        "b": "ü",
    }
    assert decode_headers([(b"a", b"\xfc"), (b"b", "ü".encode())]) == {"a": "ü", "b": "Ã¼"}


def test_the_head_of_a_request() -> None:
    headers = [(b"accept", b"*/*"), (b"x", b"")]
    head = request_head("POST", b"/a?b=c", b"fal.run", headers).followed_by(b"")
    assert head == b"POST /a?b=c HTTP/1.1\r\nHost: fal.run\r\naccept: */*\r\nx: \r\n\r\n"
    server = h11.Connection(our_role=h11.SERVER)
    server.receive_data(head)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"POST", b"/a?b=c")
    assert list(request.headers) == [(b"host", b"fal.run"), (b"accept", b"*/*"), (b"x", b"")]
    own = request_head("GET", b"/", b"a", [(b"HOST", b"b")])
    assert own.followed_by(b"body") == b"GET / HTTP/1.1\r\nHOST: b\r\n\r\nbody"


def test_where_the_body_of_a_request_ends() -> None:
    for headers, length in (
        ([], 0),
        ([(b"Content-Length", b"12")], 12),
        ([(b"TRANSFER-ENCODING", b"Chunked")], None),
    ):
        assert request_head("POST", b"/", b"a", headers).body_length == length


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"1"), (b"Content-Length", b"1")],
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"gzip")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"1, 1")],
        [(b"content-length", b"")],
        [(b"content-length", b"9" * 5000)],
    ],
)
def test_where_the_body_of_a_request_ends_is_said_once(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(ProtocolError):
        request_head("POST", b"/", b"a", headers)


def test_a_head_shows_no_secret() -> None:
    head = request_head("GET", b"/?token=hunter2", b"a", [(b"authorization", b"Key hunter2")])
    assert "hunter2" not in repr(head) + str(head)


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GE T", b"/", []),
        ("", b"/", []),
        ("GÉT", b"/", []),
        ("GET", b"/ HTTP/1.1\r\nx: y", []),
        ("GET", b"/a b", []),
        ("GET", b"/", [(b"a\r\nb", b"c")]),
        ("GET", b"/", [(b"a:b", b"c")]),
        ("GET", b"/", [(b"", b"c")]),
        ("GET", b"/", [(b"a", b"c\r\nd: e")]),
        ("GET", b"/", [(b"a", b"c\nd")]),
        ("GET", b"/", [(b"a", b"\0")]),
    ],
)
def test_what_would_not_be_one_request(
    method: str, target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    with pytest.raises(ProtocolError) as caught:
        request_head(method, target, b"a", headers)
    assert "d: e" not in str(caught.value)
