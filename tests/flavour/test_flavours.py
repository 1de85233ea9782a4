"""What only one of the two flavours has: `await`, and the refusal of coroutine functions."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fal_stream import ApiError, AsyncStreamingClient, ConfigError, StreamingClient
from fal_stream.testing import Failure, LocalFal


async def test_await_starts_a_stream(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = await client.stream("acme/app")
        assert stream.request_id == fal.requests[0].request_id
        assert await stream is stream
        assert [chunk async for chunk in stream] == [1, 2]
    assert len(fal.requests) == 1


async def test_await_raises_what_keeps_a_stream_from_starting(fal: LocalFal) -> None:
    fal.add("acme/app", Failure(503))
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        for _ in range(2):
            with pytest.raises(ApiError):
                await stream
    assert len(fal.requests) == 1


async def test_plain_functions_serve_the_async_client(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    heard: list[Any] = []
    settings = {**fal.settings, "credentials": lambda: fal.key}
    async with AsyncStreamingClient(**settings) as client:
        await client.stream("acme/app").on("data", heard.append).done()
    assert heard == [1, 2]


def test_a_blocking_client_refuses_async_credentials(fal: LocalFal) -> None:
    async def credentials() -> str:
        return "a:b"

    client = StreamingClient(run_url=fal.url, credentials=credentials)
    with client, pytest.raises(ConfigError, match=r"credentials is an async function"):
        client.stream("acme/app").done()
    assert fal.requests == []


def test_a_blocking_stream_reports_an_async_listener(
    fal: LocalFal, caplog: pytest.LogCaptureFixture
) -> None:
    async def listener(_: Any) -> None:
        raise AssertionError("never called")

    fal.add("acme/app", [1])
    with StreamingClient(**fal.settings) as client, caplog.at_level(logging.ERROR, "fal_stream"):
        assert client.stream("acme/app").on("data", listener).done() == 1
    assert "listener is an async function" in caplog.text


def test_both_flavours_have_the_same_names() -> None:
    from fal_stream import AsyncFalStream, FalStream

    def names(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert {name.replace("aclose", "close") for name in names(AsyncFalStream)} == names(FalStream)
    assert {name.replace("aclose", "close") for name in names(AsyncStreamingClient)} == names(
        StreamingClient
    )
