"""Text in an event stream that is no event: an error, or a page, that is called one."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    IncompleteStream,
    StreamEventError,
    ValidationError,
)
from fal_stream.testing import LocalFal, Raw, Reply

from .read_stream import Outcome, read

PAGE = b"<!DOCTYPE html>\n<html>\n\n<p>502: Bad gateway</p>\n</html>\n"
PRETTY = json.dumps({"detail": "boom", "id": 3, "data": [1]}, indent=2).encode()


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged at WARNING."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "fal_stream" and record.levelno == logging.WARNING
    ]


def said(size: int) -> list[str]:
    """The warning of so many bytes that are no event."""
    line = (
        f"The stream from acme/app ended with at least {size:,} bytes of text that is not an "
        "event: the server may have sent a page or an error with the media type of an event stream"
    )
    return [line]


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b'{"detail": "boom"}', ApiError, "The server answered 200: boom"),
        (b'{"detail": "boom"}\n', ApiError, "The server answered 200: boom"),
        (b'{"detail": "boom"}\r\n\r\n', ApiError, "The server answered 200: boom"),
        (b'\xef\xbb\xbf{"detail": "boom"}', ApiError, "The server answered 200: boom"),
        (b': ping\n\n{"detail": "boom"}\n', ApiError, "The server answered 200: boom"),
        (PRETTY, ApiError, "The server answered 200: boom"),
        (PRETTY + b"\n", ApiError, "The server answered 200: boom"),
        (b'{"error": "no credit"}', ApiError, "no credit"),
        (b'{"error": {"message": "no credit", "code": 402}}\n', ApiError, "no credit"),
        (
            b'{"detail": [{"loc": ["body", "prompt"], "msg": "too long", "type": "x"}]}',
            ValidationError,
            "body.prompt: too long",
        ),
        (
            b'{"detail": "boom", "input": "%s"}' % (b"x" * 900_000),
            ApiError,
            "The server answered 200: boom",
        ),
    ],
)
@pytest.mark.parametrize("as_events", [False, True])
async def test_the_json_of_an_error(
    fal: LocalFal,
    client: AsyncStreamingClient,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    kind: type[ApiError],
    text: str,
    as_events: bool,
) -> None:
    fal.add("acme/app", Reply([Raw(body)]))
    stream = client.stream("acme/app", raise_error_events=False)
    with pytest.raises(ApiError) as raised:
        if as_events:
            async for _ in stream.events():
                raise AssertionError("it is no event")
        await stream.done()
    assert type(raised.value) is kind
    assert raised.value.status == 200
    assert raised.value.body == json.loads(body.decode("utf-8-sig").replace(": ping", ""))
    assert raised.value.request_id == fal.requests[0].request_id
    assert raised.value.endpoint_id == "acme/app"
    assert text in str(raised.value)
    assert "boom" not in "".join(warnings_of(caplog))


@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        b"Internal Server Error\n",
        b'{"images": []}\n',
        b'{"error": null}\n',
        b'{"detail": \n',
        b'[{"detail": "boom"}]\n',
        b" data: 1\n",
        b"Data: 1\n\n",
    ],
)
async def test_other_text(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    fal.add("acme/app", Reply([Raw(body)]))
    assert await read(client.stream("acme/app")) == Outcome([], None)
    (line,) = warnings_of(caplog)
    assert [line] == said(len(body.replace(b"\n\n", b"\n")))


async def test_text_without_a_line_end(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    fal.add("acme/app", Reply([Raw(b"Bad gateway")]))
    chunks, error = await read(client.stream("acme/app"))
    assert (chunks, type(error)) == ([], IncompleteStream)
    assert "'Bad gateway'" in str(error)
    assert warnings_of(caplog) == said(len(b"Bad gateway\n"))


async def test_text_after_chunks(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    fal.add("acme/app", [1, Raw(PAGE)])
    assert await read(client.stream("acme/app")) == Outcome([1], None)
    assert len(warnings_of(caplog)) == 1


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
async def test_the_json_of_an_error_after_chunks(
    fal: LocalFal, client: AsyncStreamingClient, end: bytes
) -> None:
    fal.add("acme/app", [1, Raw(b'{"detail": "out of memory"}' + end)])
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamEventError)
    assert error.data == {"detail": "out of memory"}
    assert "after 1 chunk: " in str(error)


@pytest.mark.parametrize(
    "script",
    [
        [1, 2],
        [Raw(b"unknown: field\n"), 1],
        [Raw(PAGE), 1],
        [Raw(b": a comment\n\nid: 7\n\nid\n\nid: \0\n\nevent: ping\n\n")],
        [Raw(b"retry: 1\n\nretry: soon\n\nretry\n\n")],
        [Raw(b"data: [DONE]\n\n" + PAGE)],
        [Raw(b"\n\n")],
        Reply(status=204),
    ],
)
async def test_what_is_told_of_nothing(
    fal: LocalFal,
    client: AsyncStreamingClient,
    caplog: pytest.LogCaptureFixture,
    script: Any,
) -> None:
    fal.add("acme/app", script)
    assert (await read(client.stream("acme/app"))).error is None
    assert warnings_of(caplog) == []


async def test_a_key_that_the_text_repeats(fal: LocalFal, client: AsyncStreamingClient) -> None:
    key = fal.settings["credentials"]
    fal.add("acme/app", Reply([Raw(b'{"detail": "bad key %s"}' % key.encode())]))
    with pytest.raises(ApiError) as raised:
        await client.stream("acme/app").done()
    assert key not in str(raised.value) + str(raised.value.body)
    assert "bad key ***" in str(raised.value)


async def test_text_without_end_takes_bounded_room(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    fal.add("acme/app", Reply([Raw(b"not an event\n" * 1000)] * 200))
    assert await read(client.stream("acme/app")) == Outcome([], None)
    assert warnings_of(caplog) == said(13 * (32 * 1024 // 13 + 1))


@pytest.mark.parametrize("as_events", [False, True])
@pytest.mark.parametrize(
    "glued",
    [
        b'{"detail": "boom"}\n\n',
        b'{"detail": "boom"}\n',
        b'{"detail": "boom"}',
        b'{"detail": "boom"}\r\n\r\n',
        b'id: 4\n{"detail": "boom"}\n\n',
        PRETTY,
        PRETTY + b"\n\n",
        b'{"error": {"message": "boom"}}\n\n: ping\n\n',
        b'{"detail": "boom"}\n\n\n\n',
    ],
)
@pytest.mark.parametrize("first", [b"", b"data: 0\n\n", b'{"detail": "before"}\n\n'])
async def test_the_json_of_an_error_that_is_glued_to_an_event(
    fal: LocalFal, client: AsyncStreamingClient, first: bytes, glued: bytes, as_events: bool
) -> None:
    fal.add("acme/app", Reply([Raw(first + b"data: 1\n" + glued)]))
    stream = client.stream("acme/app")
    got: list[Any] = []
    with pytest.raises(StreamEventError, match="boom") as raised:
        if as_events:
            async for event in stream.events():
                got.append(int(event.data))  # noqa: PERF401 - what came before an error counts
        async for chunk in stream:
            got.append(chunk)  # noqa: PERF401
    assert got == ([0, 1] if first.startswith(b"data") else [1])
    noun = "event" if as_events else "chunk"
    many = f"{len(got)} {noun}{'s' * (len(got) > 1)}"
    assert raised.value.message.startswith(f"The app reported an error after {many}: ")


@pytest.mark.parametrize(
    "body",
    [
        b'data: 1\n{"detail": "boom"}\n\ndata: 2\n\n',
        b"data: 1\nother: field\n\ndata: 2\nother: field\n\n",
        b'{"detail": "boom"}\ndata: 1\n\ndata: 2\n\n',
        b'data: 1\n\ndata: 2\n{"images": []}\n\ndata: 3\n\n',
    ],
)
async def test_what_an_event_follows_is_no_error(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    fal.add("acme/app", Reply([Raw(body)]))
    chunks, error = await read(client.stream("acme/app"))
    assert (chunks, error) == (list(range(1, body.count(b"data: ") + 1)), None)
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize("as_events", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b'data: 1\n{"detail": "boom"}\n\ndata: [DONE]\n\n',
        b'data: 1\n{"detail": "boom"}\n\ndata: [DONE]\n\n: ping\n\n',
        b'data: 1\n{"detail": "boom"}\n\ndata: [DONE]\n',
        b'data: 1\r\n{"detail": "boom"}\r\n\r\ndata:[DONE]\r\n\r\n',
        b'data: 1\n{"detail": "boom"}\n\nevent: end\ndata: [DONE]\n\n',
        b'data: 1\n{"detail": "boom"}\n\ndata: \n\ndata: [DONE]\n\n',
        b'data: 1\n{"detail": "boom"}\n\ndata: [DONE]\n\ndata: [DONE]\n\n',
        b'data: 1\n\n{"detail": "boom"}\n\ndata: [DONE]\n\n',
        b'data: 1\n\n{"detail": "boom"}\ndata: [DONE]\n\n',
        b'data: 1\n\ndata: [DONE]\n{"detail": "boom"}\n\n',
        b'data: 1\n{"detail": "boom"}\n\ndata: \n\n',
        b"data: 1\n" + PRETTY + b"\n\ndata: [DONE]\n\n",
    ],
)
async def test_the_json_of_an_error_before_the_end_mark(
    fal: LocalFal, client: AsyncStreamingClient, body: bytes, as_events: bool, cut: int
) -> None:
    pieces = [Raw(body[start : start + cut]) for start in range(0, len(body), cut)]
    fal.add("acme/app", Reply(pieces))
    stream = client.stream("acme/app")
    got: list[Any] = []
    with pytest.raises(StreamEventError, match="boom") as raised:
        if as_events:
            async for event in stream.events():
                got += [event.data] * (event.data not in ("", "[DONE]"))
        async for chunk in stream:
            got += [str(chunk)]
    assert got == ["1"]
    assert raised.value.data in ({"detail": "boom"}, json.loads(PRETTY))


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b'data: [DONE]\n\n{"detail": "boom"}\n\n',
        b'data: [DONE]\n\ndata: 2\n{"detail": "boom"}\n\n',
        b'{"detail": "boom"}\n\ndata: 1\n\ndata: [DONE]\n\n',
        b'{"images": []}\n\ndata: [DONE]\n\n',
    ],
)
async def test_what_is_no_error_around_the_end_mark(
    fal: LocalFal, client: AsyncStreamingClient, body: bytes, cut: int
) -> None:
    pieces = [Raw(body[start : start + cut]) for start in range(0, len(body), cut)]
    fal.add("acme/app", Reply(pieces))
    chunks, error = await read(client.stream("acme/app"))
    assert (chunks, error) == ([1] * (b"data: 1" in body), None)


async def test_other_json_that_is_glued_to_an_event(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    fal.add("acme/app", Reply([Raw(b'data: 1\n{"images": []}\n\n')]))
    assert await read(client.stream("acme/app")) == Outcome([1], None)
    assert warnings_of(caplog) == said(15)
