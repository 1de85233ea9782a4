"""Rows 19, 21, 22 and 24: what text, lines, JSON and cuts make of the same bytes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from fal_stream import AsyncStreamingClient, StreamDecodeError
from fal_stream.testing import Hang, LocalFal, Raw, Reply
from tests._async.read_stream import Outcome, read
from tests.faults.fault import Fault

from .fault_checks import check_fault

TEXTS: dict[str, tuple[bytes, object]] = {
    "UTF-8": ("ä€🦊".encode(), "ä€🦊"),
    "a byte of Latin-1": (b"caf\xe9", "caf\ufffd"),
    "half a character": (b"\xe2\x82", "\ufffd"),
    "an overlong form": (b"\xc0\xaf", "\ufffd\ufffd"),
    "a surrogate": (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    "a BOM in a string": (b"\xef\xbb\xbf", "\ufeff"),
    "U+2028 and U+2029": ("\u2028\u2029".encode(), "\u2028\u2029"),
    "U+0085": ("\x85".encode(), "\x85"),
    "no JSON but text: VT, FF, FS, GS, RS": (b"\\u000b", "\x0b"),
}


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "utf-16", "junk"])
@pytest.mark.parametrize(("sent", "text"), TEXTS.values(), ids=TEXTS)
async def test_text_is_utf_8(
    either_fal: LocalFal, client: AsyncStreamingClient, charset: str, sent: bytes, text: object
) -> None:
    script = Reply(
        [Raw(b'data: "' + sent + b'"\n\n'), 2],
        headers={"content-type": f"text/event-stream; charset={charset}"},
    )
    await check_fault(either_fal, client, Fault(script, None, (text, 2)))


NO_LINE_ENDS = ["\0", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("character", NO_LINE_ENDS, ids=ascii)
async def test_what_ends_no_line(
    either_fal: LocalFal, client: AsyncStreamingClient, character: str
) -> None:
    """A line of an event stream ends with CR, LF or both: WHATWG HTML, section 9.2.6."""
    data = f"a{character}b{character}"
    either_fal.add("acme/app", [Raw(f"data: {data}\ndata: c\n\n".encode())])
    events = [(event.data, event.event) async for event in client.stream("acme/app").events()]
    assert events == [(f"{data}\nc", "message")]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=["LF", "CR", "CRLF"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
async def test_line_ends(
    either_fal: LocalFal, client: AsyncStreamingClient, end: bytes, mark: bytes
) -> None:
    lines = [b"data: 1", b"", b": ping", b"id: 7", b"data: [", b"data: 2]", b"", b"data: 3", b""]
    script = [Raw(mark + end.join(lines) + end)]
    await check_fault(either_fal, client, Fault(script, None, (1, [2], 3)))


BAD_JSON = {
    "100,000 levels": "[" * 100_000,
    "100,000 levels that end": "[" * 100_000 + "]" * 100_000,
    "100,000 objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a number of 5,001 digits": "9" * 5001,
    "a number of 5,001 digits in a list": f"[-{'9' * 5001}]",
    "truncated": '{"images": [{"url": "https',
    "a truncated escape": '"\\u00',
    "two values": "1 2",
    "a bare word": "None",
    "a NUL": "\0",
}


@pytest.mark.parametrize("text", BAD_JSON.values(), ids=BAD_JSON)
async def test_bad_json(either_fal: LocalFal, client: AsyncStreamingClient, text: str) -> None:
    script = [1, 2, Raw(f"data: {text}\n\n".encode()), 3, Hang()]
    error = await check_fault(either_fal, client, Fault(script, StreamDecodeError, (1, 2)))
    assert isinstance(error, StreamDecodeError)
    assert (error.raw, error.index) == (text, 2)
    assert error.request_id == either_fal.requests[0].request_id
    assert len(str(error)) < 700


async def test_json_as_python_writes_it(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    values = [math.inf, -math.inf, "\ud800", "\udc00\ud800", 10**4299, 1e308, {"": {"\ud83e": 0}}]
    either_fal.add("acme/app", [Raw(f"data: {json.dumps(value)}\n\n".encode()) for value in values])
    assert await read(client.stream("acme/app")) == Outcome(values, None)
    either_fal.add("acme/app", [Raw(b'data: NaN\n\ndata: [NaN, "\\ud83e\\udd8a"]\n\n')])
    (alone, (inside, fox)), error = await read(client.stream("acme/app"))
    assert error is None
    assert math.isnan(alone)
    assert math.isnan(inside)
    assert fox == "🦊"


BODY = (
    '\ufeffid: 1\r\ndata: {"ä": "🦊"}\r\n\r\n: ping\n\nevent: x\ndata: [\rdata: 2]\r\rdata: 3\n\n'
)
CHUNKS: list[Any] = [{"ä": "🦊"}, [2], 3]


async def test_cut_at_each_byte(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    body = BODY.encode()
    for at in range(1, len(body)):
        either_fal.add("acme/app", [Raw(body[:at]), Raw(body[at:])])
        assert await read(client.stream("acme/app")) == Outcome(CHUNKS, None)
    assert len({request.peer for request in either_fal.requests}) == 1


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_byte_by_byte_and_at_once(
    either_fal: LocalFal, client: AsyncStreamingClient, framing: Any
) -> None:
    body = BODY.encode()
    for coalesce in (False, True):
        steps = [Raw(bytes([byte])) for byte in body]
        script = Reply(steps, framing=framing, coalesce=coalesce)
        await check_fault(either_fal, client, Fault(script, None, tuple(CHUNKS)))


async def test_many_events_in_one_read(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    numbers = range(5000)
    body = b"".join(b"data: %d\n\n" % number for number in numbers)
    await check_fault(either_fal, client, Fault([Raw(body)], None, tuple(numbers)))
