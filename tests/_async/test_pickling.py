"""Clients that are pickled and copied: their settings, without the key."""

from __future__ import annotations

import copy
import gc
import pickle
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fal_stream import (
    AbortController,
    AsyncStorageClient,
    AsyncStreamingClient,
    Config,
    ConfigError,
    RequestConfig,
    RetryPolicy,
)
from fal_stream.testing import LocalFal

KEY = "pickled-id:pickled-secret"


def environment_key() -> str:
    return KEY


def marked(request: RequestConfig) -> RequestConfig:
    return request


async def test_a_pickled_client_looks_the_key_up_anew(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fal.add("acme/app", [1, 2])
    settings = {**fal.settings, "credentials": KEY}
    async with AsyncStreamingClient(**settings, timeout=7, retry=RetryPolicy(max_retries=1)) as one:
        data = pickle.dumps(one)
    monkeypatch.setenv("FAL_KEY", fal.settings["credentials"])
    async with pickle.loads(data) as other:
        assert type(other) is AsyncStreamingClient
        assert other.config.credentials is None
        assert other.config == one.config.model_copy(update={"credentials": None})
        assert await other.stream("acme/app").done() == 2
    assert fal.requests[0].headers["authorization"] == f"Key {fal.settings['credentials']}"


async def test_a_pickled_client_without_a_key_there_says_so() -> None:
    client = AsyncStreamingClient(run_url="https://far.fal.run", credentials=KEY)
    other = pickle.loads(pickle.dumps(client))
    with pytest.raises(ConfigError, match="set the environment variable FAL_KEY"):
        await other.stream("acme/app").done()
    await client.aclose()
    await other.aclose()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
async def test_no_pickle_of_a_client_holds_the_key(protocol: int) -> None:
    for client in (AsyncStreamingClient(credentials=KEY), AsyncStorageClient(credentials=KEY)):
        data = pickle.dumps(client, protocol)
        for part in (KEY, "pickled-secret", b64encode(KEY.encode()).decode()):
            assert part.encode() not in data
        await client.aclose()


async def test_a_header_that_is_a_secret_is_not_pickled() -> None:
    config = Config(headers={"Authorization": f"Key {KEY}"})
    for client in (AsyncStreamingClient(config), AsyncStorageClient(config)):
        with pytest.raises(TypeError, match="header 'authorization' can't be pickled"):
            pickle.dumps(client)
        assert copy.copy(client).config.headers == copy.deepcopy(client).config.headers
        await client.aclose()


async def test_functions_are_pickled_with_a_client() -> None:
    client = AsyncStreamingClient(credentials=environment_key, request_middleware=marked)
    data = pickle.dumps(client)
    other = pickle.loads(data)
    assert KEY.encode() not in data
    assert other.config.credentials is environment_key
    assert other.config.request_middleware == (marked,)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(AsyncStreamingClient(credentials=lambda: KEY))
    await client.aclose()


@pytest.mark.parametrize("made", [copy.copy, copy.deepcopy])
async def test_a_copy_keeps_the_key_and_has_connections_of_its_own(
    fal: LocalFal, made: Callable[[Any], Any]
) -> None:
    fal.add("acme/app", [1, 2])
    client = AsyncStreamingClient(**fal.settings)
    other = made(client)
    assert other is not client
    assert other.config == client.config
    await client.aclose()
    async with other:
        assert await other.stream("acme/app").done() == 2
    with pytest.raises(ConfigError, match="closed"):
        await client.stream("acme/app").done()


async def test_a_storage_client_of_ones_own_goes_along(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", fal.settings["credentials"])
    async with (
        AsyncStorageClient(**fal.settings, start_timeout=3) as storage,
        AsyncStreamingClient(**fal.settings, storage=storage) as client,
    ):
        assert copy.copy(client).storage is storage
        other = pickle.loads(pickle.dumps(client))
        assert type(other.storage) is AsyncStorageClient
        assert other.storage.config.start_timeout == 3
        assert other.config.start_timeout != 3
        # It is closed by whoever it belongs to, on the other side too.
        await other.aclose()
        assert "127.0.0.1" in await other.storage.upload(b"some bytes")
        await other.storage.aclose()
        twin, its_storage = pickle.loads(pickle.dumps((client, storage)))
        assert twin.storage is its_storage


@pytest.mark.parametrize("made", [pickle.dumps, copy.copy, copy.deepcopy])
async def test_a_client_over_an_http_client_is_not_copied(made: Callable[[Any], Any]) -> None:
    async with httpx.AsyncClient() as http_client:
        for client in (
            AsyncStreamingClient(http_client=http_client),
            AsyncStorageClient(http_client=http_client),
        ):
            with pytest.raises(ConfigError, match="pass its config on"):
                made(client)


class Own(AsyncStreamingClient):
    """A client that is made of something else."""

    def __init__(self, team: str) -> None:
        super().__init__(headers={"x-team": team})


async def test_a_client_of_a_class_of_ones_own() -> None:
    other = pickle.loads(pickle.dumps(Own("images")))
    assert type(other) is Own
    assert other.config.headers == {"x-team": "images"}


@pytest.mark.parametrize("made", [pickle.dumps, copy.copy, copy.deepcopy])
async def test_a_stream_is_not_copied(
    fal: LocalFal, client: AsyncStreamingClient, made: Callable[[Any], Any]
) -> None:
    fal.add("acme/app", [1, 2, 3])
    stream = client.stream("acme/app")
    with pytest.raises(ConfigError, match="create another stream") as caught:
        made(stream)
    assert caught.value.endpoint_id == "acme/app"
    assert await stream.__anext__() == 1
    with pytest.raises(ConfigError, match="can't be copied or pickled"):
        made({"kept": [stream]} if made is not copy.copy else stream)
    # It is unharmed, also when the copy that was begun is collected.
    gc.collect()
    assert [chunk async for chunk in stream] == [2, 3]
    with pytest.raises(ConfigError, match="can't be copied or pickled"):
        made(stream)


@pytest.mark.parametrize("made", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_signal_is_not_copied(made: Callable[[Any], Any]) -> None:
    controller = AbortController()
    with pytest.raises(ConfigError, match="nothing would abort the copy"):
        made(controller.signal)
    controller.abort()
    assert controller.signal.aborted
