"""Row 39: secrets that the server itself says again are masked in all that is made of it."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    RetryPolicy,
    StreamDecodeError,
    StreamEventError,
    UploadError,
    ValidationError,
)
from fal_stream.testing import Cut, Event, Failure, LocalFal, Raw, RecordedRequest, Reply, Wire
from tests.faults.captured_output import capturing

from .captured_streams import KEY, MODES, SECRET, capture_stream

REPEATS: dict[str, Callable[[str], Any]] = {
    "a detail": lambda text: Failure(500, f"no route to {text}"),
    "a list": lambda text: Failure(400, [text, {"loc": ["body", text], "msg": "bad"}]),
    "another document": lambda text: Reply.json({text: [text]}, status=500),
    "a text": lambda text: Failure(502, body=f"asked {text}", content_type="text/plain"),
    "a page": lambda text: Failure(502, body=f"<html>{text}", content_type="text/html"),
    "a field error": lambda text: Failure(422, [{"loc": ["body"], "msg": text, "type": text}]),
    "a long page": lambda text: Failure(502, body=f"<html>{'x' * 270}{text}", content_type="a/b"),
    "a cut page": lambda text: Reply(
        [Wire(f"<html>{text[:-3]}".encode())],
        head=b"HTTP/1.1 500 No\r\ncontent-length: 1000\r\n\r\n",
    ),
    "a document": lambda text: Reply.json({"asked": text}),
    "an error as a success": lambda text: Reply.json({"detail": text}),
    "no JSON": lambda text: [1, Event(f"asked {text}")],
    "half an event": lambda text: Reply(
        [Wire(f"data: {text}".encode())],
        head=b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n",
    ),
    "an error event": lambda text: [1, Event(f"asked {text}", event="error")],
    "an error event of JSON": lambda text: [1, Event(json.dumps({"asked": text}), event="error")],
    "an unknown field": lambda text: [1, Raw(f"{text}: 1\n{text}\ndata: {{\n\n".encode())],
    "a reason": lambda text: Reply(
        head=f"HTTP/1.1 500 {text}\r\ncontent-length: 0\r\n\r\n".encode()
    ),
    "no HTTP": lambda text: Reply(head=f"{text}\r\n\r\n".encode()),
    "a broken header": lambda text: Reply(head=f"HTTP/1.1 200 OK\r\n{text}\r\n\r\n".encode()),
    "a bad length": lambda text: Reply(
        head=f"HTTP/1.1 200 OK\r\ncontent-length: {text}\r\n\r\n".encode()
    ),
    "a bad coding": lambda text: Reply(
        head=f"HTTP/1.1 200 OK\r\ntransfer-encoding: {text}\r\n\r\n".encode()
    ),
    "a bad chunk": lambda text: Reply(
        [Wire(f"{text}\r\n".encode())],
        framing="length",
        head=(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        ),
    ),
    "a redirect": lambda text: Reply(status=307, headers={"location": f"https://far/?{text}"}),
    "a bad redirect": lambda text: Reply(status=307, headers={"location": f"http://[{text}"}),
    "a coding": lambda text: Reply(headers={"content-encoding": f"gzip, {text}"}),
    "a content type": lambda text: Reply(status=500, headers={"content-type": text}),
    "headers": lambda text: Failure(
        503,
        headers={
            "x-asked": text,
            "x-fal-error-type": text,
            "x-fal-request-id": text,
            "x-fal-request-timeout-type": text,
            "x-fal-retryable": text,
            "retry-after": text,
        },
    ),
    "headers of a stream": lambda text: Reply(
        [1, Cut()], headers={"x-asked": text, "x-fal-request-id": text}
    ),
}

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in lower case": lambda text: quote(text, safe="").replace("%3A", "%3a"),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "in base64": lambda text: b64encode(text.encode()).decode(),
    "in a URL's base64": lambda text: urlsafe_b64encode(f"x{text}".encode()).decode().rstrip("="),
}


async def repeated(
    fal: LocalFal, capture: Any, answer: Callable[[str], Any], mode: str, **settings: Any
) -> list[str]:
    """Give where secrets were shown that the server said again."""

    def script(request: RecordedRequest) -> Any:
        address = request.target.partition("?")[2]
        return answer(address or request.headers["authorization"])

    fal.add("acme/app", script)
    with capturing(capture) as captured:
        async with AsyncStreamingClient(**fal.settings, retry=None, **settings) as client:
            await capture_stream(captured, client, MODES[mode])
    tokens = [request.query.get("fal_jwt_token", SECRET) for request in fal.requests]
    # The signature of a JWT is its end, and the end of a key is as good as a secret.
    return captured.found(*tokens, *[token[len(token) // 2 :] for token in tokens])


@pytest.mark.parametrize("mode", ["by the key", "by a token"])
@pytest.mark.parametrize("answer", REPEATS.values(), ids=REPEATS)
async def test_a_secret_that_the_server_repeats(
    guarded: dict[str, LocalFal],
    answer: Callable[[str], Any],
    mode: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert await repeated(guarded["plain"], capfd, answer, mode) == []


@pytest.mark.parametrize("mode", ["by the key", "by a token"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_secret_that_the_server_repeats_in_another_form(
    guarded: dict[str, LocalFal],
    form: Callable[[str], str],
    mode: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def answer(text: str) -> Any:
        return Failure(500, f"asked {form(text)}, by {form(text[4:])}")

    assert await repeated(guarded["plain"], capfd, answer, mode) == []


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("answer", REPEATS.values(), ids=REPEATS)
async def test_a_secret_that_the_server_repeats_to_an_http_client_of_ones_own(
    guarded: dict[str, LocalFal],
    answer: Callable[[str], Any],
    library: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with pytest.importorskip(library).AsyncClient() as http_client:
        where = await repeated(
            guarded["plain"], capfd, answer, "by the key", http_client=http_client
        )
    assert where == []


async def test_what_is_left_of_what_the_server_said(guarded: dict[str, LocalFal]) -> None:
    fal = guarded["plain"]
    said = f"no route for Key {KEY}, try later"
    async with AsyncStreamingClient(**fal.settings, retry=None) as client:
        fal.add("acme/app", Failure(500, said, headers={"x-fal-request-id": f"r-{SECRET}"}))
        with pytest.raises(ApiError, match=r"no route for Key \*\*\*, try later") as caught:
            await client.stream("acme/app").done()
        assert caught.value.body == {"detail": "no route for Key ***, try later"}
        assert caught.value.request_id == "r-***"

        fal.add("acme/app", Failure(422, [{"loc": ["body", "a"], "msg": said, "type": "x"}]))
        with pytest.raises(ValidationError) as refused:
            await client.stream("acme/app").done()
        assert refused.value.field_errors[0].msg == "no route for Key ***, try later"
        assert refused.value.field_errors[0].loc == ("body", "a")

        fal.add("acme/app", [1, Event(said)])
        with pytest.raises(StreamDecodeError) as garbled:
            await client.stream("acme/app").done()
        assert garbled.value.raw == "no route for Key ***, try later"

        fal.add("acme/app", [1, Event(json.dumps({"said": said}), event="error")])
        with pytest.raises(StreamEventError) as reported:
            await client.stream("acme/app").done()
        assert reported.value.data == {"said": "no route for Key ***, try later"}


async def test_chunks_are_data_and_stay_as_they_are(guarded: dict[str, LocalFal]) -> None:
    fal = guarded["plain"]
    fal.add("acme/app", [{"asked": KEY}])
    async with AsyncStreamingClient(**fal.settings) as client:
        assert await client.stream("acme/app").done() == {"asked": KEY}
        events = [event async for event in client.stream("acme/app").events()]
    assert json.loads(events[0].data) == {"asked": KEY}


@pytest.mark.parametrize("part", ["address", "query"])
async def test_a_signature_that_the_storage_repeats(
    guarded: dict[str, LocalFal], part: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fal = guarded["plain"]

    def refuse(request: RecordedRequest) -> Failure:
        said = request.target if part == "address" else repr(request.query)
        return Failure(403, f"not at {said}", headers={"x-fal-request-id": said})

    fal.route("/storage/*", refuse, method="PUT")
    with capturing(capfd) as captured:
        async with AsyncStreamingClient(
            **fal.settings, retry=RetryPolicy(max_retries=1, base_delay=0)
        ) as client:
            with pytest.raises(UploadError, match="not at") as caught:
                await client.storage.upload(b"x")
            captured.error(caught.value)
    signatures = [request.query["signature"] for request in fal.requests if request.method == "PUT"]
    assert signatures
    assert captured.found(SECRET, *signatures) == []


async def test_a_token_that_the_next_server_repeats(
    guarded: dict[str, LocalFal], capfd: pytest.CaptureFixture[str]
) -> None:
    """A redirect within the origin takes the token along."""
    fal = guarded["plain"]

    def here(request: RecordedRequest) -> Any:
        return Reply(
            status=307, headers={"location": f"/there{request.target}&other_token=abcdefghi"}
        )

    fal.add("acme/app", here)
    fal.route("/there/*", lambda request: Failure(500, f"not at {request.target}"))
    with capturing(capfd) as captured:
        async with AsyncStreamingClient(**fal.settings, retry=None) as client:
            await capture_stream(captured, client, MODES["by a token"])
    tokens = [request.query.get("fal_jwt_token", SECRET) for request in fal.requests]
    assert "raised ApiError" in captured.found("not at")
    assert captured.found(*tokens, "abcdefghi") == []


MIB = 1024 * 1024
KEYS = [KEY, "my-id:-Zm9vYmFyYmF6", "--------:--------", "a\\b:\\-\\-\\-\\-\\-\\-"]
FLOODS = ["\\", "%25", "&#0", "-", "a-", KEY[:8] + " "]


@pytest.mark.parametrize("key", KEYS)
async def test_a_flood_of_what_may_be_a_secret(key: str) -> None:
    """What is masked is read once, whatever the key: a page of backslashes took minutes."""
    with LocalFal(key=key) as fal:
        async with AsyncStreamingClient(**fal.settings, retry=None) as client:
            for flood in FLOODS:
                page = flood * (MIB // len(flood))
                fal.add("acme/app", Reply([Raw(page.encode())], status=500, content_type="a/b"))
                with pytest.raises(ApiError) as answered:
                    await client.stream("acme/app").done()
                assert 0 < len(answered.value.body) <= MIB

                fal.add("acme/app", [1, Event(page), 2])
                with pytest.raises(StreamDecodeError) as garbled:
                    await client.stream("acme/app").done()
                assert 0 < len(garbled.value.raw) <= MIB
