"""Async functions, and what they return, where a plain function is called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from fal_stream import (
    AbortController,
    AsyncStreamingClient,
    ConfigError,
    FalStream,
    ProxyUrlConfig,
    StreamingClient,
)
from fal_stream.testing import LocalFal


async def _later(_: Any) -> Any:
    """What a user may give by mistake where a plain function is called."""
    raise AssertionError("never called")


async def _many(_: Any) -> AsyncIterator[Any]:
    yield 1


class _Later:
    async def __call__(self, _: Any) -> Any:
        raise AssertionError("never called")


ASYNC_FUNCTIONS = [_later, _many, _Later(), partial(_later)]
INDIRECT: list[Callable[[Any], Any]] = [lambda _: _later(_), partial(_Later())]


@pytest.mark.parametrize("function", ASYNC_FUNCTIONS)
def test_async_functions_are_refused_where_plain_ones_are_called(
    fal: LocalFal, function: Any
) -> None:
    refused = partial(pytest.raises, ConfigError)
    blocking = StreamingClient(**fal.settings)
    for client in (blocking, AsyncStreamingClient(**fal.settings)):
        with refused(match="^is_final is an async function: give a plain one"):
            client.stream("acme/app", is_final=function)
        stream = client.stream("acme/app")
        for read in (stream.text, stream.audio):
            with refused(match="^field is an async function: give a plain one"):
                read(function)
    with refused(match="^listener is an async function, which a blocking client can't call"):
        blocking.stream("acme/app").on("data", function)
    with refused(match="^read is an async function, which a blocking client can't call"):
        blocking.stream_map("acme/app", [1], read=function)
    with refused(match="^request_middleware is an async function"):
        StreamingClient(**fal.settings, request_middleware=function)
    with refused(match="^callback is an async function: give a plain one"):
        AbortController().signal.on_abort(function)
    with refused(match="^when is an async function: give a plain one"):
        ProxyUrlConfig("https://proxy.example", when=function)
    with refused(match="^script is an async function: give a plain one"):
        fal.add("acme/app", function)
    with refused(match="^token_provider is an async function"):
        blocking.stream("acme/app", connection_mode="client", token_provider=function).done()


@pytest.mark.parametrize("function", INDIRECT)
@pytest.mark.parametrize("output_type", [None, int, Any])
async def test_what_is_to_be_awaited_is_no_answer(
    fal: LocalFal, function: Any, output_type: Any
) -> None:
    """No coroutine counts as true, and none is left behind, of which Python would warn."""
    fal.add("acme/app", [1, 2])
    returned = "returned a coroutine, which is never awaited: give a plain function"
    with StreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app", is_final=function, output_type=output_type)
        with pytest.raises(ConfigError, match=f"^is_final {returned}"):
            stream.done()
        assert list(stream.buffer) == [1]
        for read in (FalStream.text, FalStream.audio):
            with pytest.raises(ConfigError, match=f"^field {returned}"):
                list(read(client.stream("acme/app", output_type=output_type), function))
        with pytest.raises(ConfigError, match=r"^The token provider is an async function"):
            client.stream("acme/app", connection_mode="client", token_provider=function).done()
    async with AsyncStreamingClient(**fal.settings) as asynchronous:
        async_stream = asynchronous.stream("acme/app", is_final=function, output_type=output_type)
        with pytest.raises(ConfigError, match=f"^is_final {returned}"):
            await async_stream.done()
        assert list(async_stream.buffer) == [1]


@pytest.mark.parametrize("function", INDIRECT)
def test_what_is_to_be_awaited_is_no_answer_of_hooks_either(fal: LocalFal, function: Any) -> None:
    fal.add("acme/app", [1])
    settings: dict[str, Any] = {
        "request_middleware (is an async function)": {"request_middleware": function},
        "when (returned a coroutine)": {
            "proxy_url": ProxyUrlConfig(fal.url, when=function),
        },
    }
    for message, setting in settings.items():
        with (
            StreamingClient(**fal.settings, **setting) as client,
            pytest.raises(ConfigError, match=message),
        ):
            client.stream("acme/app").done()
    assert fal.requests == []


def test_a_callback_of_an_abort_that_is_to_be_awaited(caplog: pytest.LogCaptureFixture) -> None:
    controller = AbortController()
    controller.signal.on_abort(lambda: _later(1))
    controller.abort()
    assert "The callback returned a coroutine, which is never awaited" in caplog.text
