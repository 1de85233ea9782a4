"""Answers to a stream's request, whole and spoilt, and what a client may make of their bytes."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Literal, NamedTuple

import h11

from tests.oracle import by_the_specification

from . import events, framing, json_text
from .random_bytes import cut, junk, spoil

__all__ = ["FINE", "Answer", "Meaning", "answer", "meaning"]

FINE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b'9\r\ndata: 1\n\n\r\n13\r\ndata: {"fine": 2}\n\n\r\n0\r\n\r\n'
)
"""An answer that holds the chunks 1 and {"fine": 2}."""

_STATUSES = (*[b"200 OK"] * 20, b"201 Created", b"204 No Content", b"206 x", b"304 x", b"101 x")
_REFUSALS = (
    *(b"307 x", b"308 x", b"302 Found", b"401 x", b"403 x", b"404 x", b"422 x", b"429 x"),
    *(b"500 x", b"502 Bad Gateway", b"503 x", b"504 x", b"999 x", b"600 x", b"199 x"),
)
_EXTRAS = (
    *(
        b"location: /acme/app/stream",
        b"location: //evil.example/",
        b"location: http://[/",
        b"location:",
    ),
    *(b"location: \xff\xfe", b"location: http://a:99999/", b"location: ?" + b"x" * 70_000),
    *(
        b"location: http://\xe4.example/",
        b"location: javascript:1",
        b"location: #",
        b"location: http:",
    ),
    *(b"retry-after: 0", b"retry-after: -1", b"retry-after: " + b"9" * 5000, b"retry-after: \xb2"),
    *(
        b"retry-after: Wed, 21 Oct 2015 07:28:00 GMT",
        b"retry-after: Wed, 99 Oct 99999 07:28:00 GMT",
    ),
    *(b"retry-after: Mon, 1 Jan 0001 00:00:00 +2359", b"retry-after: nan", b"retry-after: 1e400"),
    *(
        b"set-cookie: a=b; expires=\xff",
        b"set-cookie: =; max-age=x",
        b'set-cookie: a="',
        b"set-cookie:",
    ),
    *(
        b"set-cookie: a=b; expires=Mon, 99 Foo 0000; domain=[; path=\xff; version=x",
        b"set-cookie: ;;=;",
    ),
    *(
        b"x-fal-request-id: \xff\x80",
        b"x-fal-request-id: " + b"i" * 3000,
        b"x-fal-retryable: maybe",
    ),
    *(b"x-fal-error-type: \xe2\x82", b"content-encoding: gzip", b"content-encoding: identity"),
    *(b"content-encoding: none", b"content-encoding: , UTF-8", b"content-encoding: none,BR"),
    *(b"connection: close", b"connection: upgrade", b"upgrade: h2c", b"trailer: x", b"date: \xff"),
    *(
        b"content-type: text/html",
        b"content-type: \xff",
        b"link: </a>; rel=\xff",
        b"content-length: 3",
    ),
)
_TYPES = (
    *[b"text/event-stream"] * 16,
    *(b"text/event-stream; charset=utf-16", b"TEXT/Event-Stream ;x", b"application/json"),
    *(b"text/html; charset=\xff", b"audio/wav", b"", b"/", b"application/x+json", b"text/plain"),
    *(b"application/json, text/event-stream", b"text/event-stream;x,text/html", b"a/b, a/c"),
)
_INSERTS = (
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"\r\n\r\n", b"\n\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    *(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"transfer-encoding: chunked\r\n",
        b"content-length: 9\r\n",
    ),
    *(
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"data: [DONE]\n\n",
        b"data: 3\n\n",
        b"\xff",
        b"\x16\x03\x01",
    ),
)


class Answer(NamedTuple):
    """What a server does with one request.

    Attributes:
        pieces: What it sends, in so many sends.
        pause: How long it waits between two of them, in seconds.
        end: What it does then: close the connection, reset it, keep it for the next request, or
            nothing until the client goes.
    """

    pieces: list[bytes]
    pause: float
    end: Literal["close", "reset", "keep", "hang"]


class Meaning(NamedTuple):
    """What a client may make of the bytes of an answer.

    Attributes:
        kind: `events`, `bytes`, or `none` where there is nothing that could be a chunk.
        chunks: The chunks of the events that are finished; of `bytes` the body.
        last: The chunk of an event that lacks its end, in a list; empty if there is none.
        is_whole: Whether the body is whole.
        is_fine: Whether all that is there has a meaning, so that there is no reason for an error.
        is_ended: Whether the stream has said that it is at its end.
    """

    kind: Literal["events", "bytes", "none"]
    chunks: Any
    last: list[Any]
    is_whole: bool
    is_fine: bool
    is_ended: bool


def _body(chance: Random) -> bytes:
    kind = chance.random()
    if kind < 0.5:
        values = [json.dumps(number).encode() for number in range(chance.randint(0, 8))]
        end = chance.choice((b"\n\n", b"\n\n", b"\r\n\r\n", b"\r\r"))
        return b"".join([b"data: " + value + end for value in values])
    if kind < 0.6:
        return b"data: " + json_text.text(chance).encode("utf-8", "replace") + b"\n\ndata: 5\n\n"
    if kind < 0.65:
        return b'data: "' + b"x" * chance.randrange(300_000) + b'"\n\n'
    if kind < 0.75:
        return b'{"detail": ' + json_text.text(chance).encode("utf-8", "replace") + b"}"
    return events.stream(chance) if kind < 0.95 else junk(chance, 300)


def _whole(chance: Random) -> tuple[bytes, bytes]:
    """Make an answer up that is valid, or nearly; give its head and its body."""
    status = chance.choice(_STATUSES if chance.random() < 0.8 else _REFUSALS)
    fields = [b"content-type: " + chance.choice(_TYPES)]
    if chance.random() < 0.3:
        fields += chance.choices(_EXTRAS, k=chance.randint(1, 3))
    body = _body(chance)
    kind = chance.random()
    if kind < 0.5:
        fields.append(b"transfer-encoding: chunked")
        body = framing.chunked(chance, cut(chance, body) if len(body) < 3000 else [body])
    elif kind < 0.75:
        fields.append(b"content-length: %d" % (len(body) + chance.choice((*[0] * 8, 1, -1, 1000))))
    chance.shuffle(fields)
    lines = [b"HTTP/1.1 " + status, *fields, b"", b""]
    if chance.random() < 0.05:
        lines = [b"HTTP/1.1 103 Early Hints", b"link: </a>", b"", *lines]
    return b"\r\n".join(lines), body


def answer(chance: Random) -> Answer:
    """Make an answer up: valid, nearly valid, or rubbish.

    Args:
        chance: Decides.

    Returns:
        The answer.
    """
    head, body = _whole(chance)
    kind = chance.random()
    times = chance.choice((1, 1, 2, 4))
    if 0.25 <= kind < 0.45 or kind >= 0.9:
        for _ in range(times):
            head = spoil(chance, head, _INSERTS)
    if 0.45 <= kind < 0.7 or kind >= 0.9:
        for _ in range(times):
            body = spoil(chance, body, _INSERTS)
    wire = head + body
    if 0.7 <= kind < 0.8:
        wire = wire[: chance.randint(0, len(wire))]
    elif 0.8 <= kind < 0.86:
        other = b"".join(_whole(chance))
        wire = wire[: chance.randint(0, len(wire))] + other[chance.randint(0, len(other)) :]
    elif 0.86 <= kind < 0.9:
        wire = framing.response(chance) if kind < 0.88 else junk(chance, 400)
    pieces = cut(chance, wire) if len(wire) < 500 else [wire]
    if len(wire) >= 500 and chance.random() < 0.7:
        at = chance.randint(0, len(wire))
        pieces = [wire[:at], wire[at:]]
    pause = chance.choice((0.0, 0.0, 0.0, 0.001)) if len(pieces) < 20 else 0.0
    chosen = chance.random()
    if chosen < 0.7:
        return Answer(pieces, pause, "close")
    if chosen < 0.9:
        return Answer(pieces, pause, "reset")
    if meaning(wire, ends=False).is_whole:
        return Answer(pieces, pause, "keep")
    # A client that takes it for whole would keep the connection.
    can_hang = chosen < 0.91 and not framing.is_read_otherwise(wire)
    return Answer(pieces, pause, "hang" if can_hang else "close")


def meaning(wire: bytes, *, ends: bool) -> Meaning:
    """Read an answer with h11, and what it holds by the specification.

    Args:
        wire: All bytes that the server sends.
        ends: Whether the connection ends after them.

    Returns:
        What there is in it.
    """
    head: h11.Response | None = None
    body = bytearray()
    is_whole = False
    connection = framing.client_connection()
    try:
        if wire:
            connection.receive_data(wire)
        if ends:
            connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif not isinstance(event, h11.InformationalResponse):
                is_whole = isinstance(event, h11.EndOfMessage)
                break
    except h11.RemoteProtocolError:
        pass
    if head is None or not 200 <= head.status_code < 300:
        return Meaning("none", [], [], is_whole, False, False)
    return _meaning_of_body(head, bytes(body), is_whole)


def _meaning_of_body(head: h11.Response, body: bytes, is_whole: bool) -> Meaning:
    if head.status_code == 204:
        return Meaning("events", [], [], is_whole, is_whole, False)
    if _listed(head, b"content-encoding") & {b"gzip", b"br"}:
        return Meaning("none", [], [], is_whole, False, False)
    media_type = _field(head, b"content-type").partition(b",")[0].partition(b";")[0].strip()
    is_document = media_type in (b"application/json", b"text/html")
    is_event_stream = b"text/event-stream" in _listed(head, b"content-type")
    if not is_event_stream and (is_document or media_type.endswith(b"+json")):
        return Meaning("none", [], [], is_whole, False, False)
    if not is_event_stream:
        return Meaning("bytes", body, [], is_whole, is_whole, False)
    reading = by_the_specification(body)
    chunks: list[Any] = []
    for event in reading.events:
        if event.event == "error":
            return Meaning("events", chunks, [], is_whole, False, False)
        if event.data == "[DONE]":
            return Meaning("events", chunks, [], is_whole, True, True)
        if event.data:
            try:
                chunks.append(json.loads(event.data))
            except (ValueError, RecursionError):
                return Meaning("events", chunks, [], is_whole, False, False)
    last: list[Any] = []
    if reading.pending is not None and reading.pending.data not in ("", "[DONE]"):
        try:
            last = [json.loads(reading.pending.data)]
        except (ValueError, RecursionError):
            last = []
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    ends_well = body == b"" or lines.endswith(b"\n\n")
    return Meaning("events", chunks, last, is_whole, is_whole and ends_well, False)


def _listed(head: h11.Response, wanted: bytes) -> set[bytes]:
    return {each.partition(b";")[0].strip() for each in _field(head, wanted).split(b",")}


def _field(head: h11.Response, wanted: bytes) -> bytes:
    values = [value for name, value in head.headers if name == wanted]
    return b", ".join(values).strip().lower()
