"""A real `fal.App` behind the real proxies of `@fal-ai/server-proxy`.

Hono passes an answer on as it is. Express answers 200 whatever the app answered, and makes a normal
end of a stream that was cut.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    FalStreamError,
    IncompleteStream,
    ProxyUrlConfig,
    StreamInterrupted,
    ValidationError,
)

KEY = "local-id:local-secret"
PROXY_KEY = "proxy-id:proxy-secret"
CHUNKS = [
    {"prompt": "a fox", "step": 1, "progress": 0.5},
    {"prompt": "a fox", "step": 2, "progress": 1.0},
]
INPUT = {"prompt": "a fox", "steps": 2}
TOO_MANY = {"prompt": "a fox", "steps": 99}

through_both = pytest.mark.parametrize("proxy", ["express", "hono"])
through_express = pytest.mark.parametrize("proxy", ["express"])
through_hono = pytest.mark.parametrize("proxy", ["hono"])


@pytest.fixture
async def client(proxy: str, proxy_urls: Mapping[str, str]) -> AsyncIterator[AsyncStreamingClient]:
    """A client of the proxy that the test names; its key is not the proxy's."""
    async with AsyncStreamingClient(credentials=KEY, proxy_url=proxy_urls[proxy]) as client:
        yield client


async def headers_at_the_app(client: AsyncStreamingClient, demo_url: str) -> dict[str, Any]:
    """Ask the app what headers came to it."""
    stream = client.stream("acme/demo", url=f"{demo_url}/headers/stream", input={}, priority="low")
    headers = await stream.done()
    assert isinstance(headers, dict)
    return headers


@through_both
async def test_every_chunk_arrives(client: AsyncStreamingClient, demo_url: str) -> None:
    async with client.stream("acme/demo", url=f"{demo_url}/stream", input=INPUT) as stream:
        assert [chunk async for chunk in stream] == CHUNKS
        assert await stream.done() == CHUNKS[-1]
        assert stream.response_headers["content-type"].startswith("text/event-stream")


@through_both
async def test_the_app_gets_the_key_of_the_proxy(
    client: AsyncStreamingClient, demo_url: str
) -> None:
    headers = await headers_at_the_app(client, demo_url)
    assert headers["authorization"] == f"Key {PROXY_KEY}"
    assert KEY not in str(headers)


@through_both
async def test_send_key_gives_the_app_the_key_of_the_client(
    proxy: str, proxy_urls: Mapping[str, str], demo_url: str
) -> None:
    settings = ProxyUrlConfig(proxy_urls[proxy], send_key=True)
    async with AsyncStreamingClient(credentials=KEY, proxy_url=settings) as client:
        headers = await headers_at_the_app(client, demo_url)
    assert headers["authorization"] == f"Key {KEY}"


@through_both
async def test_a_stream_goes_past_the_proxy_where_when_says_so(
    proxy: str, proxy_urls: Mapping[str, str], demo_url: str
) -> None:
    settings = ProxyUrlConfig(proxy_urls[proxy], when=lambda request: "/stream" not in request.url)
    async with AsyncStreamingClient(credentials=KEY, proxy_url=settings) as client:
        headers = await headers_at_the_app(client, demo_url)
    assert headers["authorization"] == f"Key {KEY}"
    assert "x-fal-client-proxy" not in headers


@through_express
async def test_express_passes_headers_for_fal_on(
    client: AsyncStreamingClient, demo_url: str
) -> None:
    headers = await headers_at_the_app(client, demo_url)
    assert headers["x-fal-queue-priority"] == "low"
    assert headers["x-fal-target-url"] == f"{demo_url}/headers/stream"


@through_hono
async def test_hono_loses_headers_for_fal(client: AsyncStreamingClient, demo_url: str) -> None:
    # It looks for them in the headers of its own answer.
    headers = await headers_at_the_app(client, demo_url)
    assert "x-fal-queue-priority" not in headers


@through_hono
async def test_hono_passes_a_validation_error_on(
    client: AsyncStreamingClient, demo_url: str
) -> None:
    stream = client.stream("acme/demo", url=f"{demo_url}/stream", input=TOO_MANY)
    with pytest.raises(ValidationError) as caught:
        await stream.done()
    assert caught.value.status == 422
    assert [entry.loc for entry in caught.value.field_errors] == [("body", "steps")]


@through_express
async def test_express_makes_a_success_of_an_error_and_it_is_an_error_all_the_same(
    client: AsyncStreamingClient, demo_url: str
) -> None:
    stream = client.stream("acme/demo", url=f"{demo_url}/stream", input=TOO_MANY)
    with pytest.raises(ValidationError, match=r"body\.steps: Input should be less") as caught:
        await stream.done()
    assert caught.value.status == 200
    assert len(caught.value.get_field_errors("steps")) == 1


@through_both
async def test_an_unknown_path_is_an_api_error(client: AsyncStreamingClient, demo_url: str) -> None:
    stream = client.stream("acme/demo", url=f"{demo_url}/nowhere/stream", input=INPUT)
    with pytest.raises(ApiError, match="Path /nowhere/stream not found"):
        await stream.done()


@through_both
async def test_a_target_that_the_proxy_does_not_allow_is_an_api_error(
    client: AsyncStreamingClient,
) -> None:
    stream = client.stream("acme/demo", url="http://127.0.0.1:2/stream", input=INPUT)
    with pytest.raises(ApiError, match="Invalid request") as caught:
        await stream.done()
    assert caught.value.status == 400


@through_hono
async def test_hono_passes_a_cut_on(client: AsyncStreamingClient, demo_url: str) -> None:
    chunks: list[Any] = []
    async with client.stream("acme/demo", url=f"{demo_url}/cut/stream", input=INPUT) as stream:
        with pytest.raises(StreamInterrupted) as caught:
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 - what came before the error counts
    assert chunks == CHUNKS
    assert caught.value.chunks_received == 2


@through_express
async def test_express_hides_a_cut(client: AsyncStreamingClient, demo_url: str) -> None:
    async with client.stream("acme/demo", url=f"{demo_url}/cut/stream", input=INPUT) as stream:
        assert [chunk async for chunk in stream] == CHUNKS


@through_both
async def test_is_final_finds_a_cut_whatever_the_proxy(
    client: AsyncStreamingClient, demo_url: str
) -> None:
    stream = client.stream(
        "acme/demo",
        url=f"{demo_url}/cut/stream",
        input=INPUT,
        is_final=lambda chunk: chunk["progress"] > 1,
    )
    with pytest.raises(StreamInterrupted):
        await stream.done()


@through_both
async def test_is_final_finds_a_stream_that_died(
    client: AsyncStreamingClient, demo_url: str
) -> None:
    stream = client.stream(
        "acme/demo",
        url=f"{demo_url}/dying/stream",
        input=INPUT,
        is_final=lambda chunk: chunk["progress"] > 1,
    )
    with pytest.raises(IncompleteStream):
        await stream.done()


@through_both
async def test_no_error_shows_a_key(client: AsyncStreamingClient, demo_url: str) -> None:
    stream = client.stream("acme/demo", url=f"{demo_url}/nowhere/stream", input=INPUT)
    with pytest.raises(FalStreamError) as caught:
        await stream.done()
    for text in (str(caught.value), repr(caught.value), repr(client), repr(client.config)):
        assert KEY not in text
        assert PROXY_KEY not in text
