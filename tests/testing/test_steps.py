from __future__ import annotations

import math

import pytest

from fal_stream.testing import (
    Cut,
    End,
    Event,
    Hang,
    LocalFal,
    Pause,
    Ping,
    Raw,
    Reply,
    Wire,
)
from tests.testing.raw_client import RawClient, dying_server, fetch, split_chunks


def body_of(fal: LocalFal, *steps: object) -> bytes:
    fal.add("acme/app", list(steps))
    return fetch(fal).body


def test_a_plain_value_is_a_json_event(fal: LocalFal) -> None:
    chunks = [{"a": 1}, [], 0, False, None, "", "bé\u2028", 1.5]
    fal.add("acme/app", chunks)
    assert fetch(fal).events() == chunks


def test_nan_and_lone_surrogates_are_sent_as_python_sends_them(fal: LocalFal) -> None:
    body = body_of(fal, [math.nan, math.inf], "\ud800é")
    assert body == b'data: [NaN, Infinity]\n\ndata: "\\ud800\xc3\xa9"\n\n'


def test_each_step_is_one_http_chunk(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Raw(b"da"), Ping(), Raw(b""), 2])
    with RawClient(fal) as client:
        client.ask().until(b"\r\n\r\n")
        chunks = split_chunks(client.until(b"\r\n0\r\n\r\n"))
    assert chunks == [b"data: 1\n\n", b"da", b": ping\n\n", b"data: 2\n\n"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Event("x"), b"data: x\n\n"),
        (Event(""), b"data: \n\n"),
        (Event("a\nb\r\nc\rd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (Event("x", event="error", id="7", retry=0), b"event: error\nid: 7\nretry: 0\ndata: x\n\n"),
        (Event("x", event="", id=""), b"event: \nid: \ndata: x\n\n"),
    ],
)
def test_event_writes_its_fields(fal: LocalFal, event: Event, text: bytes) -> None:
    assert body_of(fal, event) == text


def test_ping_is_a_comment(fal: LocalFal) -> None:
    assert body_of(fal, Ping(), Ping("still here")) == b": ping\n\n: still here\n\n"


def test_pause_holds_back_what_follows_but_not_what_came_before(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Pause(0.2), 2])
    with RawClient(fal) as client:
        client.ask().until(b"data: 1\n\n\r\n")
        assert not fal.requests[0].finished.is_set()
        assert client.until(b"0\r\n\r\n") == b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"


def test_hang_is_silence_until_the_client_leaves(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang(), 2])
    with RawClient(fal) as client:
        client.ask().until(b"data: 1\n\n\r\n")
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.rest()
    assert fal.requests[0].gone.wait(10)
    assert not fal.requests[0].finished.is_set()


def test_wire_goes_past_the_framing(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Wire(b"zz\r\nbad size\r\n")])
    with RawClient(fal) as client:
        client.ask().until(b"\r\n\r\n")
        assert client.rest() == b"9\r\ndata: 1\n\n\r\nzz\r\nbad size\r\n0\r\n\r\n"


def test_end_ends_the_body_and_wire_can_follow(fal: LocalFal) -> None:
    fal.add("acme/app", [1, End(), Wire(b"junk")])
    with RawClient(fal) as client:
        client.ask().until(b"\r\n\r\n")
        assert client.rest() == b"9\r\ndata: 1\n\n\r\n0\r\n\r\njunk"


def test_end_then_hang_keeps_the_connection_open(fal: LocalFal) -> None:
    fal.add("acme/app", [1, End(), Hang()])
    assert fetch(fal).events() == [1]
    assert fal.requests[0].gone.wait(10)


def test_a_body_step_after_end_is_an_error() -> None:
    with dying_server(ValueError, match=r"after End\(\) is Raw") as fal:
        fal.add("acme/app", [End(), 1])
        fetch(fal)


def test_bytes_are_body_bytes_in_a_binary_stream(fal: LocalFal) -> None:
    pieces = [b"\x00\xff", Pause(0.01), bytearray(b"ab"), memoryview(b"cd"), Raw(b"ef")]
    fal.add("acme/app", Reply(pieces, content_type="audio/mpeg"))
    answer = fetch(fal)
    assert answer.body == b"\x00\xffabcdef"
    assert answer.headers["content-type"] == "audio/mpeg"


def test_cut_is_the_last_step(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Cut(in_chunk=False), 2])
    with RawClient(fal) as client:
        client.ask().until(b"\r\n\r\n")
        assert client.rest() == b"9\r\ndata: 1\n\n\r\n"
