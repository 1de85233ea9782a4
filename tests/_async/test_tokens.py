"""Short-lived tokens: the connection mode `client`."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    ConfigError,
    RetryPolicy,
    StreamTimeout,
    TokenError,
)
from fal_stream.testing import Failure, Hang, LocalFal, RecordedRequest, Reply
from tests.concurrency import AsyncJob, async_sleep, async_until

from .read_stream import read


@pytest.fixture(autouse=True)
def app(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    fal.add("acme/other", [3])


def asked(fal: LocalFal) -> list[RecordedRequest]:
    return [request for request in fal.requests if request.path == "/tokens/"]


def streamed(fal: LocalFal) -> list[RecordedRequest]:
    return [request for request in fal.requests if request.path != "/tokens/"]


async def test_a_token_takes_the_place_of_the_key(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    stream = client.stream(
        "acme/app", connection_mode="client", input={"a": 1}, query_params={"q": "x"}
    )
    assert await read(stream) == ([1, 2], None)
    order, request = fal.requests
    assert order.method == "POST"
    assert order.json() == {"allowed_apps": ["app"], "token_expiration": 120}
    assert order.headers["authorization"] == f"Key {fal.key}"
    assert "authorization" not in request.headers
    assert set(request.query) == {"q", "fal_jwt_token"}
    assert request.json() == {"a": 1}
    assert "fal_jwt_token" not in stream.url


async def test_a_token_is_kept(fal: LocalFal, client: AsyncStreamingClient) -> None:
    for endpoint_id in ("acme/app", "acme/app", "acme/other", "acme/app"):
        await client.stream(endpoint_id, connection_mode="client").done()
    assert [request.json()["allowed_apps"] for request in asked(fal)] == [["app"], ["other"]]
    first, second, _, last = streamed(fal)
    assert first.query == second.query == last.query


async def test_a_token_that_expires_between_two_streams(fal: LocalFal) -> None:
    async with AsyncStreamingClient(**fal.settings, token_lifetime=1) as client:
        await client.stream("acme/app", connection_mode="client").done()
        await async_sleep(1)
        await client.stream("acme/app", connection_mode="client").done()
    first, second = streamed(fal)
    assert first.query != second.query
    assert [request.json()["token_expiration"] for request in asked(fal)] == [1, 1]


async def test_a_token_that_was_withdrawn(fal: LocalFal, client: AsyncStreamingClient) -> None:
    await client.stream("acme/app", connection_mode="client").done()
    fal.expire_tokens()
    assert await client.stream("acme/app", connection_mode="client").done() == 2
    assert len(asked(fal)) == 2
    assert len(streamed(fal)) == 3


async def test_a_new_token_that_is_refused(fal: LocalFal, client: AsyncStreamingClient) -> None:
    stream = client.stream(
        "acme/app", connection_mode="client", token_provider=lambda path: "hidden"
    )
    with pytest.raises(ApiError, match="401") as caught:
        await stream.done()
    assert caught.value.status == 401
    assert "check what the token_provider gives" in str(caught.value)
    assert len(streamed(fal)) == 1


async def test_a_thousand_streams_ask_once(fal: LocalFal) -> None:
    async with AsyncStreamingClient(**fal.settings) as client:
        jobs = [
            AsyncJob(client.stream("acme/app", connection_mode="client").done) for _ in range(1000)
        ]
        assert [await job.result() for job in jobs] == [2] * 1000
    assert len(asked(fal)) == 1
    assert len({request.query["fal_jwt_token"] for request in streamed(fal)}) == 1


# Providers.


async def test_a_provider_is_asked_for_the_app_path(fal: LocalFal) -> None:
    paths: list[str] = []

    async def provide(path: str) -> str:
        paths.append(path)
        await async_sleep(0.01)
        return "abc.def"

    with LocalFal(key=None) as free:
        for endpoint_id in ("acme/app", "acme/app/turbo/stream", "workflows/acme/app"):
            free.add(endpoint_id, [{"type": "output"}])
        async with AsyncStreamingClient(run_url=free.url) as client:
            for endpoint_id in ("acme/app", "acme/app/turbo/stream", "workflows/acme/app"):
                stream = client.stream(
                    endpoint_id, connection_mode="client", token_provider=provide
                )
                assert await stream.done() == {"type": "output"}
        assert {request.query["fal_jwt_token"] for request in free.requests} == {"abc.def"}
    assert paths == ["acme/app/stream", "acme/app/turbo/stream", "workflows/acme/app/stream"]


async def test_a_provider_is_asked_for_the_path_of_ones_own() -> None:
    paths: list[str] = []

    def provide(path: str) -> str:
        paths.append(path)
        return "abc.def"

    with LocalFal(key=None) as free:
        free.add("acme/tts", [1], path="/audio/speech")
        async with AsyncStreamingClient(run_url=free.url) as client:
            stream = client.stream(
                "acme/tts", path="/audio/speech", connection_mode="client", token_provider=provide
            )
            assert await stream.done() == 1
    assert paths == ["acme/tts/audio/speech"]


@pytest.mark.parametrize("given", [None, 123, "", b"abc", "a b", "a\r\nb: c", "x" * 100_000])
async def test_what_is_no_token(fal: LocalFal, client: AsyncStreamingClient, given: Any) -> None:
    stream = client.stream("acme/app", connection_mode="client", token_provider=lambda path: given)
    with pytest.raises(TokenError, match="token") as caught:
        await stream.done()
    assert caught.value.endpoint_id == "acme/app"
    assert fal.requests == []


@pytest.mark.parametrize("form", ["{}\r\n", " Bearer {}", "\ufeffkey {} "])
async def test_what_stands_around_a_token_is_not_sent(form: str) -> None:
    with LocalFal(key=None) as free:
        free.add("acme/app", [1])
        async with AsyncStreamingClient(run_url=free.url) as client:
            stream = client.stream(
                "acme/app",
                connection_mode="client",
                token_provider=lambda path: form.format("abc.def"),
            )
            assert await stream.done() == 1
        assert [request.query["fal_jwt_token"] for request in free.requests] == ["abc.def"]


async def test_a_provider_that_raises(fal: LocalFal, client: AsyncStreamingClient) -> None:
    def provide(path: str) -> str:
        raise KeyError("no")

    stream = client.stream("acme/app", connection_mode="client", token_provider=provide)
    with pytest.raises(TokenError, match="token provider raised KeyError") as caught:
        await stream.done()
    assert isinstance(caught.value.__cause__, KeyError)
    assert fal.requests == []


async def test_a_provider_that_hangs(client: AsyncStreamingClient) -> None:
    calls: list[str] = []

    async def provide(path: str) -> str:
        calls.append(path)
        await async_sleep(10)
        return "abc"

    options: dict[str, Any] = {"connection_mode": "client", "token_provider": provide}
    with pytest.raises(StreamTimeout, match="start_timeout"):
        await client.stream("acme/app", start_timeout=0.2, **options).done()
    stream = client.stream("acme/app", **options)
    job = AsyncJob(stream.done)
    await async_until(lambda: len(calls) == 2)
    stream.abort()
    assert await job.result() is None


async def test_who_waits_asks_when_the_first_gives_up(client: AsyncStreamingClient) -> None:
    release = threading.Event()
    calls: list[str] = []

    async def provide(path: str) -> str:
        calls.append(path)
        await async_until(release.is_set)
        return "abc"

    options: dict[str, Any] = {"connection_mode": "client", "token_provider": provide}
    first, second = (client.stream("acme/app", **options) for _ in range(2))
    job = AsyncJob(first.done)
    await async_until(lambda: len(calls) == 1)
    other = AsyncJob(read, second)
    await async_sleep(0.05)
    assert len(calls) == 1
    first.abort()
    assert await job.result() is None
    await async_until(lambda: len(calls) == 2)
    release.set()
    _, error = await other.result()
    assert isinstance(error, ApiError)  # the server knows no such token


async def test_an_error_is_shared_and_each_has_its_own(client: AsyncStreamingClient) -> None:
    release = threading.Event()
    calls: list[str] = []

    async def provide(path: str) -> str:
        calls.append(path)
        await async_until(release.is_set)
        raise KeyError("no")

    streams = [
        client.stream("acme/app", connection_mode="client", token_provider=provide)
        for _ in range(5)
    ]
    jobs = [AsyncJob(read, stream) for stream in streams]
    await async_until(lambda: len(calls) == 1)
    await async_sleep(0.05)
    release.set()
    errors = [(await job.result()).error for job in jobs]
    assert {type(error) for error in errors} == {TokenError}
    assert len({id(error) for error in errors}) == 5
    assert len(calls) == 1


# Answers of fal.


@pytest.mark.parametrize(
    "answer", [b'"abc"', b'{"token": "abc"}', b'{"detail": "abc"}'], ids=bytes.decode
)
async def test_forms_of_an_answer(
    fal: LocalFal, client: AsyncStreamingClient, answer: bytes
) -> None:
    fal.route("/tokens/", Reply([answer], content_type="application/json"))
    with pytest.raises(ApiError):  # nobody issued it
        await client.stream("acme/app", connection_mode="client").done()
    assert streamed(fal)[0].query == {"fal_jwt_token": "abc"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Failure(403, "no such app"), "fal gave no token: The server answered 403: no such app"),
        (Reply([b"hidden"], content_type="text/plain"), "the answer is not JSON"),
        (Reply([b"<html>hidden"], content_type="text/html"), "the answer is not JSON"),
        (Reply([b'{"x": "hidden"}'], content_type="application/json"), "The token is a NoneType"),
        (Reply([b'"hid den"'], content_type="application/json"), "other characters"),
        (Reply([b'"' + b"x" * 2_000_000], content_type="application/json"), "more than"),
        (Reply([b'"abc'], framing="length", content_type="application/json"), "not JSON"),
    ],
)
async def test_answers_without_a_token(
    fal: LocalFal, client: AsyncStreamingClient, answer: Any, message: str
) -> None:
    fal.route("/tokens/", answer)
    stream = client.stream("acme/app", connection_mode="client")
    with pytest.raises(TokenError, match=message) as caught:
        await stream.done()
    assert "hid" not in f"{caught.value}{caught.value.__cause__}{caught.value.__context__}"
    if caught.value.__cause__ is not None:
        assert caught.value.request_id == asked(fal)[0].request_id
    assert streamed(fal) == []


async def test_fal_that_is_silent(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.route("/tokens/", Reply([Hang()]))
    with pytest.raises(StreamTimeout, match="start_timeout"):
        await client.stream("acme/app", connection_mode="client", start_timeout=0.2).done()


async def test_fal_that_is_busy(fal: LocalFal) -> None:
    answers = [Failure(429), Failure(503)]
    fal.route("/tokens/", lambda request: answers.pop() if answers else None)
    async with AsyncStreamingClient(**fal.settings, retry=RetryPolicy(base_delay=0)) as client:
        assert await client.stream("acme/app", connection_mode="client").done() == 2
    assert len(asked(fal)) == 3


# What is sent past, and what is hidden.


async def test_no_proxy_and_no_middleware_sees_the_stream(fal: LocalFal) -> None:
    seen: list[str] = []

    def note(request: Any) -> Any:
        seen.append(request.url)
        return request

    async with AsyncStreamingClient(**fal.settings, request_middleware=note) as client:
        await client.stream("acme/app", connection_mode="client").done()
    assert seen == [f"{fal.url}/tokens/"]


async def test_a_token_is_asked_for_by_the_proxy(fal: LocalFal) -> None:
    with LocalFal(key=None) as proxy:
        proxy.route("/proxy", Reply([b'"abc"'], content_type="application/json"))
        settings = {**fal.settings, "proxy_url": f"{proxy.url}/proxy"}
        async with AsyncStreamingClient(**settings) as client:
            with pytest.raises(ApiError):
                await client.stream("acme/app", connection_mode="client").done()
        (order,) = proxy.requests
        assert order.headers["x-fal-target-url"] == f"{fal.url}/tokens/"
    assert streamed(fal)[0].query == {"fal_jwt_token": "abc"}


@pytest.mark.parametrize("url", ["http://fal.run/x", "https://evilfal.run/x"])
async def test_a_token_goes_to_trusted_hosts_only(client: AsyncStreamingClient, url: str) -> None:
    with pytest.raises(ConfigError, match=r"would send a token to http.*trusted_hosts"):
        client.stream("acme/app", connection_mode="client", url=url)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"connection_mode": "browser"}, "connection_mode='browser' is not known"),
        ({"connection_mode": "client", "token_provider": "hidden"}, "token_provider is a str"),
        ({"token_provider": len}, "token_provider needs connection_mode='client'"),
    ],
)
async def test_bad_options(
    client: AsyncStreamingClient, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        client.stream("acme/app", **options)
    assert "hidden" not in str(caught.value)


async def test_no_log_shows_a_token(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stream = client.stream("acme/app", connection_mode="client")
    await stream.done()
    token = streamed(fal)[0].query["fal_jwt_token"]
    assert "A token for acme/app" in caplog.text
    assert token not in caplog.text
    assert token not in f"{stream!r}{vars(stream)}{vars(client)}{vars(client._tokens)}"


async def test_no_error_shows_a_token(fal: LocalFal, client: AsyncStreamingClient) -> None:
    def echo(request: RecordedRequest) -> Failure:
        return Failure(500, f"no route to {request.target}")

    fal.add("acme/app", echo)
    with pytest.raises(ApiError, match=r"fal_jwt_token=\*\*\*") as caught:
        await client.stream("acme/app", connection_mode="client").done()
    token = streamed(fal)[0].query["fal_jwt_token"]
    assert token not in f"{caught.value}{vars(caught.value)}"
