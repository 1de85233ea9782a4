"""Rows 11 to 15, 17 and 18: answers that are no stream, or hardly HTTP."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    AuthenticationError,
    FalStreamError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    StreamConnectionError,
    StreamDecodeError,
    ValidationError,
)
from fal_stream.testing import Cut, Failure, Hang, LocalFal, Raw, Reply, Wire
from tests.faults.fault import Fault

from .fault_checks import check_fault, check_unharmed

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"

INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "103 with fields": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nlink: </b>\r\n\r\n",
    "102, 100, 103": b"".join(b"HTTP/1.1 %d x\r\n\r\n" % status for status in (102, 100, 103)),
    "a thousand": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
@pytest.mark.parametrize("in_one", [True, False], ids=["one send", "two sends"])
async def test_interim_responses(
    either_fal: LocalFal, client: AsyncStreamingClient, interim: bytes, in_one: bool
) -> None:
    head, rest = (interim + OK + b"\r\n", b"") if in_one else (interim, OK + b"\r\n")
    script = Reply([Wire(rest), 1, 2], head=head, framing="close")
    await check_fault(either_fal, client, Fault(script, None, (1, 2)))


EMPTY = {
    "204": Fault(Reply(status=204), None),
    "204 of JSON": Fault(Reply(status=204, content_type="application/json"), None),
    "204 of gzip": Fault(Reply(status=204, headers={"content-encoding": "gzip"}), None),
    "no chunk": Fault(Reply([]), None),
    "no length": Fault(Reply([], framing="length"), None),
    "no byte": Fault(Reply([], framing="close"), None),
    "no bytes of audio": Fault(Reply([], content_type="audio/wav"), None),
    "no JSON": Fault(
        Reply([], content_type="application/json", framing="length"), StreamDecodeError
    ),
    "no answer": Fault(Reply([Cut(in_chunk=False)], head=b""), StreamConnectionError),
    "a line end": Fault(Reply([Cut(in_chunk=False)], head=b"\r\n"), StreamConnectionError),
    "a reset": Fault(Reply([Cut(reset=True, in_chunk=False)], head=b""), StreamConnectionError),
}


@pytest.mark.parametrize("fault", EMPTY.values(), ids=EMPTY)
async def test_an_empty_answer(
    either_fal: LocalFal, client: AsyncStreamingClient, fault: Fault
) -> None:
    error = await check_fault(either_fal, client, fault)
    if isinstance(error, StreamConnectionError):
        assert error.request_sent


PAGE = "<html><body>" + "Bad gateway. " * 10_000
FIELDS = [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}]

ERROR_BODIES: dict[str, tuple[str, str, object]] = {
    "a text": ('{"detail": "No fox"}', "application/json", {"detail": "No fox"}),
    "a list": (json.dumps({"detail": FIELDS}), "application/json", {"detail": FIELDS}),
    "no detail": ("{}", "application/json", {}),
    "broken JSON": ('{"detail": "No', "application/json", '{"detail": "No'),
    "a page": (PAGE, "text/html", PAGE),
    "an event stream": ('data: {"a": 1}\n\n', "text/event-stream", 'data: {"a": 1}\n\n'),
    "an empty event stream": ("", "text/event-stream", ""),
}

KINDS = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    422: ValidationError,
    429: RateLimitError,
}


@pytest.mark.parametrize(("sent", "content_type", "body"), ERROR_BODIES.values(), ids=ERROR_BODIES)
async def test_an_error(
    either_fal: LocalFal, client: AsyncStreamingClient, sent: str, content_type: str, body: object
) -> None:
    for status in (401, 403, 404, 422, 429, 500, 502, 503, 504):
        script = Failure(
            status, body=sent, content_type=content_type, headers={"x-fal-error-type": "why"}
        )
        kind = KINDS.get(status, ApiError)
        fault = Fault(script, kind, says=str(status))
        error = await check_fault(either_fal, client, fault)
        assert isinstance(error, ApiError)
        assert (error.status, error.body, error.error_type) == (status, body, "why")
        assert error.request_id == either_fal.requests[-2].request_id
        assert len(str(error)) < 700
        if isinstance(error, ValidationError) and "loc" in sent:
            assert list(error.field_errors) == FIELDS


DOCUMENTS = {
    "HTML": Fault(
        Reply([PAGE.encode()], content_type="text/html; charset=utf-8"),
        StreamDecodeError,
        says="text/html.*<html><body>Bad",
    ),
    "JSON": Fault(Reply.json({"images": []}), StreamDecodeError, says='application/json.*"images"'),
    "JSON with a detail": Fault(Reply.json({"detail": "No credit"}), ApiError, says="No credit"),
    "broken JSON": Fault(
        Reply([b'{"detail": "No'], content_type="application/json"),
        StreamDecodeError,
        says='{"detail": "No',
    ),
}


@pytest.mark.parametrize("fault", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_a_document(either_fal: LocalFal, client: AsyncStreamingClient, fault: Fault) -> None:
    error = await check_fault(either_fal, client, fault)
    assert len(str(error)) < 700


NO_HTTP = {
    "a large header": OK + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
    "5,000 headers": OK + b"".join(b"x-%d: %030d\r\n" % (n, n) for n in range(5000)) + b"\r\n",
    "NUL in a header": OK + b"x: a\0b\r\n\r\n",
    "NUL in a name": OK + b"x\0: a\r\n\r\n",
    "a space in a name": OK + b"x y: a\r\n\r\n",
    "HTTP/0.9": b"<html>It works",
    "garbage": bytes(range(1, 256)) * 4,
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "h2 frames": b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff",
    "h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an odd version": b"HTTP/3.7 200 OK\r\n\r\n",
    "an odd status": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("head", NO_HTTP.values(), ids=NO_HTTP)
async def test_no_http(either_fal: LocalFal, client: AsyncStreamingClient, head: bytes) -> None:
    script = Reply([Wire(b"data: 1\n\n"), Cut(in_chunk=False)], head=head)
    error = await check_fault(either_fal, client, Fault(script, StreamConnectionError))
    assert isinstance(error, StreamConnectionError)
    assert either_fal.url in str(error)
    assert error.request_sent
    assert len(str(error)) < 700


async def test_many_short_headers(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    """A head of less than 100 KiB is read, whatever the number of its fields."""
    head = OK + b"".join(b"x-%d: 1\r\n" % number for number in range(5000)) + b"\r\n"
    assert len(head) < 100 * 1024
    script = Reply([1], head=head, framing="close")
    await check_fault(either_fal, client, Fault(script, None, (1,)))


BODY = b"data: 1\n\n"
ZIPPED = gzip.compress(BODY)
BOMB = gzip.compress(bytes(64 * 1024 * 1024))

CODINGS = {
    "gzip": ("gzip", ZIPPED),
    "x-gzip": ("x-gzip", ZIPPED),
    "deflate": ("deflate", zlib.compress(BODY)),
    "br": ("br", b"\x8b\x04\x80data: 1\n\n\x03"),
    "zstd": ("zstd", b"\x28\xb5\x2f\xfd"),
    "two": ("gzip, br", ZIPPED),
    "identity and gzip": ("identity, gzip", ZIPPED),
    "none and gzip": ("none,GZIP", ZIPPED),
    "truncated gzip": ("gzip", ZIPPED[:-9]),
    "bad gzip": ("gzip", b"\x1f\x8b\x08" + b"\xff" * 30),
    "a gzip bomb": ("gzip", BOMB),
}


@pytest.mark.parametrize(("coding", "body"), CODINGS.values(), ids=CODINGS)
async def test_a_coded_stream(
    either_fal: LocalFal, client: AsyncStreamingClient, coding: str, body: bytes
) -> None:
    script = Reply([Raw(body), Hang()], headers={"content-encoding": coding})
    error = await check_fault(
        either_fal,
        client,
        Fault(script, StreamDecodeError, says=coding.lower().split(",")[-1].strip()),
    )
    assert either_fal.requests[0].headers["accept-encoding"] == "identity"
    assert len(str(error)) < 700


async def test_an_error_body_that_is_a_bomb(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    script = Failure(500, body=BOMB, headers={"content-encoding": "gzip"})
    error = await check_fault(either_fal, client, Fault(script, ApiError))
    assert isinstance(error, ApiError)
    assert len(error.body) < 1000


async def test_what_is_no_coding_is_identity(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    for coding in (
        "identity",
        "Identity",
        "",
        "none",
        "None, identity",
        "utf-8",
        "no gzip",
        "snafu",
    ):
        script = Reply([1], headers={"content-encoding": coding})
        await check_fault(either_fal, client, Fault(script, None, (1,)))


TYPES = [
    "application/json, text/event-stream; charset=utf-8",
    "text/event-stream, application/json",
    "text/html; charset=utf-8,Text/Event-Stream",
]


@pytest.mark.parametrize("content_type", TYPES)
async def test_an_event_stream_among_media_types(
    either_fal: LocalFal, client: AsyncStreamingClient, content_type: str
) -> None:
    await check_fault(
        either_fal, client, Fault(Reply([1, 2], content_type=content_type), None, (1, 2))
    )


async def test_media_types_in_two_fields(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    head = OK.replace(b"content-type", b"content-type: application/json\r\nContent-Type") + b"\r\n"
    script = Reply([Wire(b"data: 1\n\ndata: 2\n\n")], head=head, framing="close")
    await check_fault(either_fal, client, Fault(script, None, (1, 2)))


async def test_chunk_sizes_that_are_padded(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    """As servers do it that write the size into a buffer of 8 bytes."""
    head = OK + b"transfer-encoding: chunked\r\n\r\n"
    wire = b"9       \r\ndata: 1\n\n\r\n9   \t\r\ndata: 2\n\n\r\n0       \r\n\r\n"
    script = Reply([Wire(wire)], head=head, framing="length")
    await check_fault(either_fal, client, Fault(script, None, (1, 2)))


# Redirects: row 16.


@pytest.fixture
def elsewhere(tls_context: Any) -> Any:
    """Another server, plain and over TLS, that has the same app."""
    with LocalFal(key=None) as plain, LocalFal(key=None, ssl_context=tls_context) as tls:
        for server in (plain, tls):
            server.add("acme/app", [1])
        yield plain, tls


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_to_another_origin(
    either_fal: LocalFal,
    client: AsyncStreamingClient,
    elsewhere: tuple[LocalFal, LocalFal],
    status: int,
    method: str,
) -> None:
    own = either_fal.url.split(":")
    turned = ":".join([{"http": "https", "https": "http"}[own[0]], *own[1:]])
    for url in (*[other.url for other in elsewhere], turned, f"//localhost:{own[-1]}"):
        script = Reply(status=status, headers={"location": f"{url}/acme/app/stream"})
        fault = Fault(script, ApiError, says=str(status))
        await check_fault(either_fal, client, fault, input={"a": 1}, method=method)
    assert all(other.requests == [] for other in elsewhere)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_within_the_origin(
    either_fal: LocalFal, client: AsyncStreamingClient, status: int
) -> None:
    either_fal.add("acme/app", Reply(status=status, headers={"location": "/acme/new/stream"}))
    either_fal.add("acme/new", [1])
    assert await client.stream("acme/app", input={"a": 1}).done() == 1
    old, new = either_fal.requests
    assert (new.method, new.body, new.headers) == (old.method, old.body, old.headers)


async def test_redirects_in_a_circle(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", Reply(status=307, headers={"location": "/acme/other/stream"}))
    either_fal.add("acme/other", Reply(status=307, headers={"location": "/acme/app/stream"}))
    with pytest.raises(FalStreamError, match="redirected more than 5 times"):
        await client.stream("acme/app", input={"a": 1}).done()
    assert len(either_fal.requests) == 6
    await check_unharmed(either_fal, client)
