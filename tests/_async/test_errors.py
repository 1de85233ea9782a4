"""Answers that are no stream, servers that don't answer, and errors in mid-stream."""

from __future__ import annotations

import gzip
import json
import pickle
import socket
import threading
from typing import Any

import httpx
import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    AuthenticationError,
    ConfigError,
    EventTooLarge,
    FalStreamError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    StreamConnectionError,
    StreamDecodeError,
    StreamEventError,
    StreamInterrupted,
    ValidationError,
)
from fal_stream.testing import (
    Cut,
    End,
    Event,
    Failure,
    Hang,
    LocalFal,
    Pause,
    Raw,
    Reply,
    Script,
    Wire,
    tokens,
)
from tests.concurrency import async_until
from tests.sockets import open_files

from .read_stream import Outcome, read


async def error_of(
    fal: LocalFal, client: AsyncStreamingClient, script: Script, **options: Any
) -> FalStreamError:
    """Give the error of a stream without chunks, after looking at what all errors share."""
    fal.add("acme/app", script)
    before = len(fal.requests)
    stream = client.stream("acme/app", **options)
    told: list[FalStreamError] = []
    stream.on("error", told.append)
    chunks, error = await read(stream)
    assert chunks == []
    assert error is not None
    assert error.endpoint_id == "acme/app"
    for again in (stream.start, stream.done):
        with pytest.raises(FalStreamError) as caught:
            await again()
        assert caught.value is error
    assert told == [error]
    assert stream.closed
    assert len(fal.requests) == before + 1
    linked: BaseException | None = error.__cause__ or error.__context__
    assert linked is None, "an exception of a lower layer hangs on the error"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


async def api_error_of(
    fal: LocalFal, client: AsyncStreamingClient, script: Script, **options: Any
) -> ApiError:
    error = await error_of(fal, client, script, **options)
    assert isinstance(error, ApiError)
    assert error.request_id == fal.requests[-1].request_id
    assert f"request id {error.request_id}" in str(error)
    assert "acme/app" in str(error)
    assert str(error.status) in str(error)
    return error


KINDS = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    422: ValidationError,
    429: RateLimitError,
    500: ApiError,
}


@pytest.mark.parametrize("status", KINDS)
async def test_a_status_has_a_class_of_its_own(
    fal: LocalFal, client: AsyncStreamingClient, status: int
) -> None:
    fal.add("acme/app", Failure(status, "no"))
    with pytest.raises(ApiError) as caught:
        await client.stream("acme/app").done()
    assert type(caught.value) is KINDS[status]
    assert caught.value.status == status
    assert pickle.loads(pickle.dumps(caught.value)).status == status


async def test_not_every_model_has_a_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        await client.stream("acme/other").done()
    assert "not every model has a stream, its page on fal.ai says whether" in str(caught.value)


async def test_the_token_of_a_login_is_sent_as_it_is() -> None:
    token = "Bearer header.payload.signature"
    with LocalFal(key=token) as fal:
        fal.add("acme/app", [1])
        fal.add("acme/echo", lambda request: Failure(400, request.headers["authorization"]))
        async with AsyncStreamingClient(**fal.settings) as client:
            assert await client.stream("acme/app").done() == 1
            assert fal.requests[0].headers["authorization"] == token
            with pytest.raises(ApiError) as caught:
                await client.stream("acme/echo").done()
        assert "header.payload.signature" not in repr(client.config) + str(caught.value)


STATUSES = [400, 401, 403, 404, 409, 422, 429, 499, 500, 502, 503, 504]

FIELDS = [
    {"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"},
    {"loc": ["body", "size", 0], "msg": "Not a number", "type": "int_type", "ctx": {"a": 1}},
]


@pytest.mark.parametrize("status", STATUSES)
async def test_an_error_with_a_detail(
    fal: LocalFal, client: AsyncStreamingClient, status: int
) -> None:
    error = await api_error_of(fal, client, Failure(status, "No fox today"))
    assert (error.status, error.body) == (status, {"detail": "No fox today"})
    assert "No fox today" in error.message
    assert isinstance(error, ValidationError) is (status == 422)
    assert (error.error_type, error.timeout_type, error.retryable) == (None, None, None)
    assert not error.is_user_timeout


BODIES = [
    pytest.param(json.dumps({"detail": FIELDS}), "application/json", {"detail": FIELDS}, id="list"),
    pytest.param('{"detail": {"a": 1}}', "application/json", {"detail": {"a": 1}}, id="object"),
    pytest.param('{"detail": null}', "application/json", {"detail": None}, id="null"),
    pytest.param('{"message": "m"}', "application/json", {"message": "m"}, id="no detail"),
    pytest.param('["a", 1]', "application/json", ["a", 1], id="a list only"),
    pytest.param("0", "application/json", 0, id="zero"),
    pytest.param('{"detail": "No', "application/json", '{"detail": "No', id="broken JSON"),
    pytest.param("[" * 100_000, "application/json", "[" * 100_000, id="deep JSON"),
    pytest.param("<html>Bad", "text/html; charset=utf-8", "<html>Bad", id="HTML"),
    pytest.param("data: 1\n\n", "text/event-stream", "data: 1\n\n", id="event stream"),
    pytest.param("{}", "text/event-stream", {}, id="JSON as event stream"),
    pytest.param(b"caf\xe9", "text/plain", "caf\ufffd", id="no UTF-8"),
    pytest.param("", "application/json", "", id="empty"),
    pytest.param("", "audio/wav", "", id="empty binary"),
]


@pytest.mark.parametrize("status", [403, 422, 429, 500, 503])
@pytest.mark.parametrize(("sent", "content_type", "body"), BODIES)
async def test_each_kind_of_error_body(
    fal: LocalFal,
    client: AsyncStreamingClient,
    status: int,
    sent: str | bytes,
    content_type: str,
    body: object,
) -> None:
    script = Failure(status, body=sent, content_type=content_type)
    error = await api_error_of(fal, client, script)
    assert (error.status, error.body) == (status, body)
    assert len(str(error)) < 700


async def test_a_422_says_what_is_wrong_with_each_field(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    error = await api_error_of(fal, client, Failure(422, FIELDS), input={})
    assert isinstance(error, ValidationError)
    assert list(error.field_errors) == FIELDS
    (missing,) = error.get_field_errors("prompt")
    assert (missing.loc, missing.msg, missing["type"]) == (
        ("body", "prompt"),
        "Field required",
        "missing",
    )
    assert error.get_field_errors("body") == []
    assert "body.prompt: Field required; body.size.0: Not a number" in str(error)


@pytest.mark.parametrize(
    ("detail", "fields"),
    [([], []), ([1, "x"], []), ([{"msg": "m"}], [{"msg": "m"}]), ({"loc": []}, [])],
)
async def test_a_422_of_another_shape(
    fal: LocalFal, client: AsyncStreamingClient, detail: object, fields: list[Any]
) -> None:
    error = await api_error_of(fal, client, Failure(422, detail))
    assert isinstance(error, ValidationError)
    assert list(error.field_errors) == fields
    assert error.get_field_errors("prompt") == []


async def test_what_fal_says_about_an_error(fal: LocalFal, client: AsyncStreamingClient) -> None:
    script = Failure(
        504, "Too long", error_type="request_timeout", timeout_type="user", retryable=False
    )
    error = await api_error_of(fal, client, script)
    assert (error.error_type, error.timeout_type) == ("request_timeout", "user")
    assert error.retryable is False
    assert error.is_user_timeout
    assert "start_timeout" in str(error)


@pytest.mark.parametrize(
    ("headers", "body", "error_type"),
    [
        ({"X-Fal-Error-Type": "a"}, '{"detail": "", "error_type": "b"}', "a"),
        ({}, '{"detail": "", "error_type": "b"}', "b"),
        ({}, '{"detail": "", "error_type": ["b"]}', None),
        ({}, '"error_type"', None),
    ],
)
async def test_the_type_of_an_error(
    fal: LocalFal,
    client: AsyncStreamingClient,
    headers: dict[str, str],
    body: str,
    error_type: str | None,
) -> None:
    error = await api_error_of(fal, client, Failure(503, headers=headers, body=body))
    assert error.error_type == error_type


@pytest.mark.parametrize(("sent", "retryable"), [("true", True), ("False", False), ("1", True)])
async def test_whether_an_error_can_be_tried_again(
    fal: LocalFal, client: AsyncStreamingClient, sent: str, retryable: bool
) -> None:
    script = Failure(503, headers={"x-fal-retryable": sent})
    assert (await api_error_of(fal, client, script)).retryable is retryable


async def test_a_huge_error_body_is_read_to_a_limit(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    script = Failure(500, body="x" * 3_000_000, content_type="text/plain")
    error = await api_error_of(fal, client, script)
    assert error.body == "x" * 1024 * 1024


@pytest.mark.parametrize("cut", [Cut(), Cut(in_chunk=False), Cut(partial=b"half")])
async def test_an_error_body_that_is_cut(
    fal: LocalFal, client: AsyncStreamingClient, cut: Cut
) -> None:
    reply = Reply([b'{"detail": ', cut], status=500, content_type="application/json")
    error = await api_error_of(fal, client, reply)
    assert error.body == '{"detail": ' + cut.partial.decode()


async def test_an_error_body_that_never_ends(fal: LocalFal, client: AsyncStreamingClient) -> None:
    reply = Reply([b"Over", Hang()], status=503, content_type="text/plain")
    error = await api_error_of(fal, client, reply, start_timeout=0.3)
    assert error.body == "Over"
    assert fal.requests[0].gone.wait(10)


async def test_an_error_body_that_is_compressed(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    script = Failure(500, body=gzip.compress(b"{}"), headers={"content-encoding": "gzip"})
    assert "gzip" in (await api_error_of(fal, client, script)).body


async def test_the_connection_of_an_error_is_used_again(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    for status in (422, 500, 404):
        await api_error_of(fal, client, Failure(status))
    assert len({request.peer for request in fal.requests}) == 1


async def test_an_endpoint_that_is_not_there(fal: LocalFal, client: AsyncStreamingClient) -> None:
    with pytest.raises(ApiError, match="Path /stream not found") as caught:
        await client.stream("acme/none").done()
    assert caught.value.status == 404


async def test_a_wrong_key_is_not_shown(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    async with AsyncStreamingClient(run_url=fal.url, credentials="very:secret") as client:
        with pytest.raises(ApiError, match="FAL_KEY") as caught:
            await client.stream("acme/app").done()
    assert caught.value.status == 401
    assert fal.requests[0].headers["authorization"] == "Key very:secret"
    assert "secret" not in f"{caught.value}{caught.value!r}{client!r}{client.config!r}"


async def test_no_credentials(fal: LocalFal, local_names: dict[str, bool]) -> None:
    local_names["fal.run"] = True
    port = fal.url.rpartition(":")[2]
    async with AsyncStreamingClient(run_url=f"https://fal.run:{port}") as client:
        with pytest.raises(ConfigError, match="FAL_KEY") as caught:
            await client.stream("acme/app").done()
    assert caught.value.endpoint_id == "acme/app"
    assert fal.requests == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"images": []}'),
        ("application/problem+json", b"{}"),
        ("text/html", b"<html>Log in"),
        ("application/json", b""),
    ],
)
async def test_a_document_in_place_of_a_stream(
    fal: LocalFal, client: AsyncStreamingClient, content_type: str, body: bytes
) -> None:
    reply = Reply([body], content_type=content_type)
    error = await error_of(fal, client, reply)
    assert isinstance(error, StreamDecodeError)
    assert (error.raw, error.index) == (body.decode(), 0)
    assert content_type in str(error)
    assert error.request_id == fal.requests[0].request_id


async def test_an_error_that_is_sent_as_a_success(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    reply = Reply([b'{"detail": "No credit"}'], content_type="application/json")
    error = await api_error_of(fal, client, reply)
    assert (error.status, error.body) == (200, {"detail": "No credit"})


async def test_a_stream_that_is_compressed(fal: LocalFal, client: AsyncStreamingClient) -> None:
    reply = Reply([Raw(gzip.compress(b"data: 1\n\n"))], headers={"content-encoding": "gzip"})
    error = await error_of(fal, client, reply)
    assert isinstance(error, StreamDecodeError)
    assert "gzip" in str(error)


# In mid-stream.


@pytest.mark.parametrize(
    "bad", ["{", "nul", "[1,]", "{'a': 1}", "text", "[done]", "[DONE]x", "1 2", '"\n"', "\x00"]
)
@pytest.mark.parametrize("coalesce", [False, True])
async def test_a_chunk_that_is_no_json(
    fal: LocalFal, client: AsyncStreamingClient, bad: str, coalesce: bool
) -> None:
    fal.add("acme/app", Reply([1, 2, Event(bad), 3, Hang()], coalesce=coalesce))
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1, 2]
    assert isinstance(error, StreamDecodeError)
    assert (error.raw, error.index) == (bad, 2)
    assert "Chunk 2 is not JSON" in str(error)
    assert error.request_id == fal.requests[0].request_id
    assert fal.requests[0].gone.wait(10)


async def test_deep_nesting(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [Event("[" * 300 + "]" * 300), Event("[" * 200_000)])
    chunks, error = await read(client.stream("acme/app"))
    assert len(chunks) == 1
    assert isinstance(error, StreamDecodeError)


async def test_the_excerpt_of_a_long_chunk_is_short(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [Event("x" * 1_000_000)])
    with pytest.raises(StreamDecodeError) as caught:
        await client.stream("acme/app").done()
    assert len(str(caught.value)) < 700
    assert caught.value.raw == "x" * 1_000_000


@pytest.mark.parametrize(
    ("text", "data"),
    [('{"code": 7}', {"code": 7}), ("out of memory", "out of memory"), ("", ""), ("null", None)],
)
@pytest.mark.parametrize("coalesce", [False, True])
async def test_an_error_event(
    fal: LocalFal, client: AsyncStreamingClient, text: str, data: object, coalesce: bool
) -> None:
    steps = [{"n": 1}, Event(text, event="error"), {"n": 2}, Hang()]
    fal.add("acme/app", Reply(steps, coalesce=coalesce))
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [{"n": 1}]
    assert isinstance(error, StreamEventError)
    assert error.data == data
    assert "after 1 chunk" in str(error)
    assert text in str(error)
    assert error.request_id == fal.requests[0].request_id
    assert fal.requests[0].gone.wait(10)


async def test_an_event_that_is_too_large(fal: LocalFal) -> None:
    fal.add("acme/app", ["x" * 900, "x" * 1100, 1])
    async with AsyncStreamingClient(**fal.settings, max_event_bytes=1000) as client:
        chunks, error = await read(client.stream("acme/app"))
    assert chunks == ["x" * 900]
    assert isinstance(error, EventTooLarge)
    assert error.limit == 1000
    assert "max_event_bytes" in str(error)


async def test_a_line_without_an_end(fal: LocalFal) -> None:
    def flood(_: object) -> Any:
        yield 1
        while True:
            yield Raw(b"data: " + b"x" * 100_000)

    fal.add("acme/app", flood)
    async with AsyncStreamingClient(**fal.settings, max_event_bytes=1_000_000) as client:
        chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, EventTooLarge)
    assert fal.requests[0].gone.wait(10)


@pytest.mark.parametrize("coalesce", [False, True])
async def test_listeners_hear_what_came_before_an_error(
    fal: LocalFal, client: AsyncStreamingClient, coalesce: bool
) -> None:
    fal.add("acme/app", Reply([1, 2, Event("x")], coalesce=coalesce))
    heard: list[Any] = []
    stream = client.stream("acme/app").on("data", heard.append).on("error", heard.append)
    stream.on("done", heard.append)
    chunks, error = await read(stream)
    assert chunks == [1, 2]
    assert heard == [1, 2, error]


async def test_done_raises_and_leaves_the_chunks(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2, Event("x")])
    stream = client.stream("acme/app")
    with pytest.raises(StreamDecodeError) as caught:
        await stream.done()
    assert stream.current_data == 2
    assert await read(stream) == Outcome([1, 2], caught.value)
    assert await read(stream) == Outcome([], caught.value)


# No answer.


@pytest.mark.parametrize(
    "reply",
    [
        Reply([Cut(in_chunk=False)], head=b""),
        Reply([Cut(reset=True, in_chunk=False)], head=b""),
        Reply([Cut(in_chunk=False)], head=b"HTTP/1.1 200 OK\r\ncontent-ty"),
        Reply([Cut(in_chunk=False)], head=b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["FIN", "RST", "in the head", "after an interim head"],
)
@pytest.mark.parametrize("is_reused", [False, True])
async def test_a_request_that_got_no_answer_is_not_sent_again(
    fal: LocalFal, client: AsyncStreamingClient, reply: Reply, is_reused: bool
) -> None:
    fal.add("acme/warm", [1])
    if is_reused:
        await client.stream("acme/warm").done()
    error = await error_of(fal, client, reply, input={"a": 1})
    assert isinstance(error, StreamConnectionError)
    assert not isinstance(error, StreamInterrupted)
    assert fal.url in str(error)
    assert error.request_id is None
    assert len({request.peer for request in fal.requests}) == 1


async def test_an_idle_connection_that_has_died_is_replaced(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, End(), Pause(0.01), Cut(in_chunk=False)])
    for _ in range(5):
        assert await client.stream("acme/app", input={}).done() == 1
        assert fal.requests[-1].finished.wait(10)
    assert len(fal.requests) == 5
    assert len({request.peer for request in fal.requests}) == 5


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
        b"\r\n\r\n\0\xff",
    ],
)
async def test_an_answer_that_is_no_http(
    fal: LocalFal, client: AsyncStreamingClient, head: bytes
) -> None:
    error = await error_of(fal, client, Reply([Wire(b"..."), Cut(in_chunk=False)], head=head))
    assert isinstance(error, StreamConnectionError)
    assert fal.url in str(error)
    fal.add("acme/app", [1])
    assert await client.stream("acme/app").done() == 1


async def test_interim_responses_are_passed_over(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    head = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 3
    head += b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    fal.add("acme/app", Reply([1, 2], head=head, framing="close"))
    assert await read(client.stream("acme/app")) == Outcome([1, 2], None)


async def test_a_port_that_nobody_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with AsyncStreamingClient(run_url=f"http://127.0.0.1:{port}") as client:
        with pytest.raises(StreamConnectionError, match=f"127.0.0.1:{port}") as caught:
            await client.stream("acme/app").done()
    assert caught.value.endpoint_id == "acme/app"
    assert "check the address" in str(caught.value)


async def test_a_host_that_has_no_address(local_names: dict[str, bool]) -> None:
    local_names["nowhere.example"] = False
    async with AsyncStreamingClient(
        run_url="https://nowhere.example", credentials="a:b", trusted_hosts=["nowhere.example"]
    ) as client:
        with pytest.raises(StreamConnectionError, match=r"nowhere\.example.*not known"):
            await client.stream("acme/app").done()


# Redirects.


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_within_the_origin(
    fal: LocalFal, client: AsyncStreamingClient, status: int
) -> None:
    for location in ("/acme/new/stream", f"{fal.url}/acme/new/stream", "../new/stream"):
        fal.add("acme/app", Reply(status=status, headers={"location": location}))
        fal.add("acme/new", tokens("to be", pause=0))
        stream = client.stream("acme/app", input={"a": 1}, headers={"x-a": "1"})
        assert await stream.done() == {"output": "to be", "partial": False}
        old, new = fal.requests[-2:]
        assert (new.method, new.path, new.json()) == ("POST", "/acme/new/stream", {"a": 1})
        assert new.headers == old.headers
        assert new.headers["authorization"] == f"Key {fal.key}"
        assert stream.request_id == new.request_id
    assert len({request.peer for request in fal.requests}) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_get_is_redirected_by_each_status(
    fal: LocalFal, client: AsyncStreamingClient, status: int
) -> None:
    fal.add("acme/app", Reply(status=status, headers={"location": "/acme/new/stream?b=2"}))
    fal.add("acme/new", [1])
    assert await client.stream("acme/app", method="GET", input={"a": 1}).done() == 1
    assert fal.requests[1].query == {"b": "2"}


@pytest.mark.parametrize("status", [301, 302, 303, 304, 300])
async def test_a_post_does_not_become_a_get(
    fal: LocalFal, client: AsyncStreamingClient, status: int
) -> None:
    reply = Reply(status=status, headers={"location": "/acme/new/stream"})
    error = await api_error_of(fal, client, reply, input={"a": 1})
    assert error.status == status


async def test_another_origin_gets_no_request(fal: LocalFal, client: AsyncStreamingClient) -> None:
    with LocalFal() as other:
        other.add("acme/app", [1])
        port = fal.url.rpartition(":")[2]
        locations = [
            f"{other.url}/acme/app/stream",
            f"//127.0.0.1:{other.url.rpartition(':')[2]}/acme/app/stream",
            f"https://127.0.0.1:{port}/acme/app/stream",
            f"http://localhost:{port}/acme/app/stream",
            f"http://127.0.0.1:{port}@localhost/acme/app/stream",
            f"http://me:word@127.0.0.1:{port}/acme/app/stream",
            "file:///etc/passwd",
        ]
        for location in locations:
            reply = Reply(status=307, headers={"location": location})
            error = await api_error_of(fal, client, reply, input={"a": 1})
            assert error.status == 307
            assert "same origin" in str(error)
        assert other.requests == []
        assert len(fal.requests) == len(locations)


@pytest.mark.parametrize(
    "location", ["http://[", "http://[::1", "http://127.0.0.1:99999/", "//[bad", "/\x7f", "data:,1"]
)
async def test_a_redirect_to_no_address(
    fal: LocalFal, client: AsyncStreamingClient, location: str
) -> None:
    fal.add("acme/app", Reply(status=307, headers={"location": location}))
    with pytest.raises(FalStreamError):
        await client.stream("acme/app", input={}).done()
    assert len(fal.requests) == 1


async def test_a_redirect_to_a_huge_address(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(status=307, headers={"location": "/" + "x" * 70_000}))
    with pytest.raises(FalStreamError):
        await client.stream("acme/app", input={}).done()
    assert len(fal.requests) == 1


async def test_a_redirect_without_an_address(fal: LocalFal, client: AsyncStreamingClient) -> None:
    assert (await api_error_of(fal, client, Reply(status=307))).status == 307


async def test_redirects_in_a_circle(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(status=307, headers={"location": "stream"}))
    with pytest.raises(StreamConnectionError, match="redirect to the same address") as caught:
        await client.stream("acme/app").done()
    assert not caught.value.transient
    assert len(fal.requests) == 1


async def test_an_empty_location(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(status=307, headers={"location": ""}))
    with pytest.raises(StreamConnectionError, match="redirect to the same address"):
        await client.stream("acme/app").done()
    assert len(fal.requests) == 1


async def test_redirects_without_an_end(fal: LocalFal, client: AsyncStreamingClient) -> None:
    def redirect(_: object) -> Reply:
        return Reply(status=307, headers={"location": f"stream?{len(fal.requests)}"})

    fal.add("acme/app", redirect)
    with pytest.raises(StreamConnectionError, match="redirected more than 5 times"):
        await client.stream("acme/app").done()
    assert len(fal.requests) == 6


@pytest.mark.parametrize(
    "head",
    [
        b"transfer-encoding: chunked\r\ncontent-length: 5",
        b"content-length: 12345678901234567890",
    ],
)
async def test_an_answer_that_can_be_read_in_two_ways(
    fal: LocalFal, client: AsyncStreamingClient, head: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n"
    fal.add("acme/app", Reply([Raw(b"x"), Hang()], head=head))
    before = open_files()
    for _ in range(3):
        with pytest.raises(StreamConnectionError, match="not valid HTTP"):
            await client.stream("acme/app").done()
    for request in fal.requests:
        await async_until(request.gone.is_set)
    await async_until(lambda: open_files() <= before)


async def test_https_to_a_server_that_speaks_plain_http(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    url = fal.url.replace("http:", "https:")
    with pytest.raises(StreamConnectionError):
        await client.stream("acme/app", url=url).done()
    body = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer, args=[listener])
        server.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/x"
        with pytest.raises(StreamConnectionError, match="use http://"):
            await client.stream("acme/app", url=url).done()
        server.join(20)


@pytest.mark.skipif(httpx.__version__.startswith("0.27."), reason="httpx 0.27 passes it over")
async def test_authorities_that_are_not_there(
    client: AsyncStreamingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        await client.stream("acme/app", url="https://127.0.0.1:9/x").done()


async def test_an_answer_before_the_request_is_read(client: AsyncStreamingClient) -> None:
    body = b'{"detail": "too large"}'
    answer = (
        b"HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    )

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer % (len(body), body))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=[listener])
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        with pytest.raises(ApiError, match="too large") as caught:
            await client.stream("acme/app", url=url, input={"x": "y" * 20_000_000}).done()
        assert caught.value.status == 413
        server.join(20)
        assert not server.is_alive()
