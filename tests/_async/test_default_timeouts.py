"""The limits of a stream whose user gave none, with the default of `timeout` made short."""

from __future__ import annotations

from typing import Any

import pytest

from fal_stream import AsyncStreamingClient, StreamTimeout
from fal_stream._shared import request
from fal_stream.testing import Hang, LocalFal, Pause, Ping


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "DEFAULT_TIMEOUT", 0.5)


def client_of(fal: LocalFal, **settings: Any) -> AsyncStreamingClient:
    client = AsyncStreamingClient(**fal.settings, **settings)
    # As if it were the default: not among the settings that were given.
    client._settings.timeout = 0.5
    return client


async def test_a_model_may_think_before_its_first_chunk(fal: LocalFal) -> None:
    fal.add("acme/app", [Ping(), Pause(1.2), 1, 2])
    async with client_of(fal) as client:
        assert await client.stream("acme/app").done() == 2
        with pytest.raises(StreamTimeout) as caught:
            await client.stream("acme/app", timeout=0.5).done()
        assert (caught.value.phase, caught.value.seconds) == ("idle", 0.5)


async def test_after_its_first_chunk_it_is_watched(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    async with client_of(fal) as client:
        with pytest.raises(StreamTimeout) as caught:
            await client.stream("acme/app").done()
    assert (caught.value.phase, caught.value.seconds) == ("idle", 0.5)


async def test_a_workflow_is_silent_while_it_works(fal: LocalFal) -> None:
    event = {"type": "output", "node_id": "o", "output": {}}
    fal.add("workflows/acme/flow", [{"type": "submit", "node_id": "a"}, Pause(1.2), event])
    async with client_of(fal) as client:
        assert await client.stream("workflows/acme/flow").done() == event
        with pytest.raises(StreamTimeout):
            await client.stream("workflows/acme/flow", timeout=0.5).done()
