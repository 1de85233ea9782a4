"""Requests that are changed on their way out: middleware, and proxies of fal's kind."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import pytest

from fal_stream import (
    AbortSignal,
    AsyncStreamingClient,
    ConfigError,
    ProxyUrlConfig,
    RequestConfig,
    RetryPolicy,
)
from fal_stream.testing import Failure, LocalFal
from tests.concurrency import AsyncJob, async_sleep, async_until

KEY = "mine:secret"


@pytest.fixture
def proxy() -> Any:
    """A server that takes any key and stands where a proxy would."""
    with LocalFal(key=None) as server:
        server.add("api/fal/stream", [1])
        server.add("acme/app", [2])
        yield server


def header(name: str, value: str) -> Any:
    """Make a middleware that appends to a header."""

    def middleware(request: RequestConfig) -> RequestConfig:
        text = f"{request.headers.get(name, '')}{value}"
        return dataclasses.replace(request, headers={**request.headers, name: text})

    return middleware


async def test_middleware_is_applied_in_order(proxy: LocalFal) -> None:
    functions = [header("x-trace", "a"), header("x-trace", "b"), header("X-Other", "c")]
    async with AsyncStreamingClient(
        run_url=proxy.url, credentials=KEY, request_middleware=functions
    ) as client:
        assert await client.stream("acme/app", headers={"x-trace": "0"}).done() == 2
    (request,) = proxy.requests
    assert (request.headers["x-trace"], request.headers["x-other"]) == ("0ab", "c")
    assert request.headers["authorization"] == f"Key {KEY}"


async def test_middleware_sees_all_but_the_key(proxy: LocalFal) -> None:
    seen: list[RequestConfig] = []

    async def note(request: RequestConfig) -> RequestConfig:
        await async_sleep(0.01)
        seen.append(request)
        return request

    async with AsyncStreamingClient(
        run_url=proxy.url, credentials=KEY, request_middleware=note
    ) as client:
        await client.stream("acme/app", input={"a": 1}, query_params={"q": "x"}).done()
    (request,) = seen
    assert (request.method, request.url) == ("POST", f"{proxy.url}/acme/app/stream?q=x")
    assert "authorization" not in request.headers
    assert request.headers["content-type"] == "application/json"


async def test_middleware_is_asked_anew_for_each_try(proxy: LocalFal) -> None:
    answers: list[Any] = [Failure(503), Failure(503), [1]]
    proxy.add("acme/app", lambda request: answers.pop(0))
    seen: list[str] = []

    def note(request: RequestConfig) -> RequestConfig:
        seen.append(request.headers.get("x-try", "none"))
        return dataclasses.replace(request, headers={**request.headers, "x-try": str(len(seen))})

    async with AsyncStreamingClient(
        run_url=proxy.url, request_middleware=note, retry=RetryPolicy(base_delay=0)
    ) as client:
        assert await client.stream("acme/app").done() == 1
    assert seen == ["none"] * 3
    assert [request.headers["x-try"] for request in proxy.requests] == ["1", "2", "3"]


async def test_middleware_may_change_where_a_request_goes(proxy: LocalFal) -> None:
    def elsewhere(request: RequestConfig) -> RequestConfig:
        return RequestConfig("GET", f"{proxy.url}/api/fal/stream?b=1", {})

    async with AsyncStreamingClient(
        run_url="https://fal.run", credentials=KEY, request_middleware=elsewhere
    ) as client:
        assert await client.stream("acme/app", input={"a": 1}).done() == 1
    (request,) = proxy.requests
    assert (request.method, request.target) == ("GET", "/api/fal/stream?b=1")
    assert request.body == b""


async def test_the_key_follows_the_address_that_comes_out(
    proxy: LocalFal, local_names: dict[str, bool]
) -> None:
    local_names["other.example"] = True
    port = proxy.url.rpartition(":")[2]

    def elsewhere(request: RequestConfig) -> RequestConfig:
        return dataclasses.replace(request, url=f"http://other.example:{port}/acme/app/stream")

    async with AsyncStreamingClient(
        run_url=proxy.url, credentials=KEY, request_middleware=elsewhere
    ) as client:
        with pytest.warns(UserWarning, match=r"not sent to http://other\.example"):
            assert await client.stream("acme/app").done() == 2
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert await client.stream("acme/app").done() == 2
    assert all("authorization" not in request.headers for request in proxy.requests)
    assert len(proxy.requests) == 2


async def test_an_authorization_of_the_middleware(proxy: LocalFal) -> None:
    async with AsyncStreamingClient(
        run_url=proxy.url, credentials=KEY, request_middleware=header("authorization", "Bearer x")
    ) as client:
        await client.stream("acme/app").done()
    assert proxy.requests[0].headers["authorization"] == "Bearer x"


async def test_middleware_that_raises(proxy: LocalFal) -> None:
    def refuse(request: RequestConfig) -> RequestConfig:
        raise KeyError("no")

    async with AsyncStreamingClient(run_url=proxy.url, request_middleware=refuse) as client:
        with pytest.raises(ConfigError, match="request_middleware raised KeyError") as caught:
            await client.stream("acme/app").done()
    assert isinstance(caught.value.__cause__, KeyError)
    assert proxy.requests == []


async def test_middleware_that_gives_no_request(proxy: LocalFal) -> None:
    none: Any = lambda request: None  # noqa: E731
    async with AsyncStreamingClient(run_url=proxy.url, request_middleware=none) as client:
        with pytest.raises(ConfigError, match="request_middleware gave a NoneType"):
            await client.stream("acme/app").done()
    assert proxy.requests == []


async def test_middleware_that_hangs_can_be_aborted(proxy: LocalFal) -> None:
    entered: list[RequestConfig] = []

    async def hang(request: RequestConfig) -> RequestConfig:
        entered.append(request)
        await async_sleep(5)
        return request

    async with AsyncStreamingClient(run_url=proxy.url, request_middleware=hang) as client:
        stream = client.stream("acme/app")
        job = AsyncJob(stream.done)
        await async_until(lambda: bool(entered))
        stream.abort()
        assert await job.result() is None
    assert proxy.requests == []
    assert isinstance(stream.signal, AbortSignal)


# Proxies.


async def test_a_proxy_is_told_the_target_and_not_the_key(proxy: LocalFal) -> None:
    async with AsyncStreamingClient(
        credentials=KEY, proxy_url=f"{proxy.url}/api/fal/stream"
    ) as client:
        stream = client.stream("acme/app", input={"a": 1}, query_params={"q": "ä"})
        assert await stream.done() == 1
        assert stream.url == "https://fal.run/acme/app/stream?q=%C3%A4"
    (request,) = proxy.requests
    assert request.target == "/api/fal/stream"
    assert request.headers["x-fal-target-url"] == "https://fal.run/acme/app/stream?q=%C3%A4"
    assert request.json() == {"a": 1}
    assert "authorization" not in request.headers


async def test_a_proxy_needs_no_key(proxy: LocalFal) -> None:
    async with AsyncStreamingClient(proxy_url=f"{proxy.url}/api/fal/stream") as client:
        assert await client.stream("acme/app").done() == 1


async def test_a_proxy_gets_the_key_on_request(proxy: LocalFal) -> None:
    given = ProxyUrlConfig(f"{proxy.url}/api/fal/stream", send_key=True)
    async with AsyncStreamingClient(credentials=KEY, proxy_url=given) as client:
        assert await client.stream("acme/app").done() == 1
    assert proxy.requests[0].headers["authorization"] == f"Key {KEY}"


async def test_a_key_for_a_proxy_goes_over_https_only() -> None:
    given = ProxyUrlConfig("http://proxy.example/api", send_key=True)
    with pytest.raises(ConfigError, match=r"send the key to http://proxy\.example over plain"):
        AsyncStreamingClient(credentials=KEY, proxy_url=given)


async def test_a_proxy_applies_when_it_is_asked_to(proxy: LocalFal) -> None:
    given = ProxyUrlConfig(
        f"{proxy.url}/api/fal/stream", when=lambda request: "other" in request.url
    )
    async with AsyncStreamingClient(run_url=proxy.url, credentials=KEY, proxy_url=given) as client:
        assert await client.stream("acme/app").done() == 2
        assert await client.stream("acme/other").done() == 1
    direct, proxied = proxy.requests
    assert direct.headers["authorization"] == f"Key {KEY}"
    assert "authorization" not in proxied.headers


async def test_a_proxy_whose_condition_raises(proxy: LocalFal) -> None:
    given = ProxyUrlConfig(f"{proxy.url}/api/fal/stream", when=lambda request: 1 / 0 > 1)
    async with AsyncStreamingClient(proxy_url=given) as client:
        with pytest.raises(ConfigError, match="proxy_url's `when` raised ZeroDivisionError"):
            await client.stream("acme/app").done()
    assert proxy.requests == []


async def test_middleware_comes_before_the_proxy(proxy: LocalFal) -> None:
    seen: list[str] = []

    def note(request: RequestConfig) -> RequestConfig:
        seen.append(request.url)
        return dataclasses.replace(request, url="https://fal.run/acme/other/stream")

    async with AsyncStreamingClient(
        proxy_url=f"{proxy.url}/api/fal/stream", request_middleware=[note, header("x-a", "1")]
    ) as client:
        assert await client.stream("acme/app").done() == 1
    (request,) = proxy.requests
    assert seen == ["https://fal.run/acme/app/stream"]
    assert request.headers["x-fal-target-url"] == "https://fal.run/acme/other/stream"
    assert request.headers["x-a"] == "1"


async def test_middleware_that_is_a_proxy_itself(proxy: LocalFal) -> None:
    own = ProxyUrlConfig(f"{proxy.url}/acme/app/stream")

    def redirect(request: RequestConfig) -> RequestConfig:
        return own.redirected(request) or request

    async with AsyncStreamingClient(
        proxy_url=f"{proxy.url}/api/fal/stream", request_middleware=[redirect, redirect]
    ) as client:
        assert await client.stream("acme/app").done() == 2
    (request,) = proxy.requests
    assert request.headers["x-fal-target-url"] == "https://fal.run/acme/app/stream"


async def test_middleware_may_not_change_in_place(proxy: LocalFal) -> None:
    def meddle(request: Any) -> Any:
        request.headers["x-a"] = "b\r\nc: d"
        return request

    given: list[dict[str, Any]] = [
        {"request_middleware": meddle},
        {"proxy_url": ProxyUrlConfig(proxy.url, meddle)},
    ]
    for settings in given:
        async with AsyncStreamingClient(run_url=proxy.url, **settings) as client:
            with pytest.raises(ConfigError, match="raised TypeError"):
                await client.stream("acme/app").done()
    assert proxy.requests == []
