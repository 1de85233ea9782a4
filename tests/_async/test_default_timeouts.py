"""The limits of a stream whose user gave none, with the default of `timeout` made short."""

from __future__ import annotations

import pytest

from fal_stream import AsyncStreamingClient, StreamTimeout, config
from fal_stream._shared import prepared_stream
from fal_stream.testing import Hang, LocalFal, Pause, Ping


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (config, prepared_stream):
        monkeypatch.setattr(module, "DEFAULT_TIMEOUT", 0.5)


async def test_a_model_may_think_before_its_first_chunk(fal: LocalFal) -> None:
    fal.add("acme/app", [Ping(), Pause(1.2), 1, 2])
    async with AsyncStreamingClient(**fal.settings) as client:
        assert await client.stream("acme/app").done() == 2
        with pytest.raises(StreamTimeout) as caught:
            await client.stream("acme/app", timeout=0.5).done()
        assert (caught.value.phase, caught.value.seconds) == ("idle", 0.5)


async def test_after_its_first_chunk_it_is_watched(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    async with AsyncStreamingClient(**fal.settings) as client:
        with pytest.raises(StreamTimeout) as caught:
            await client.stream("acme/app").done()
    assert (caught.value.phase, caught.value.seconds) == ("idle", 0.5)


async def test_a_workflow_is_silent_while_it_works(fal: LocalFal) -> None:
    event = {"type": "output", "node_id": "o", "output": {}}
    fal.add("workflows/acme/flow", [{"type": "submit", "node_id": "a"}, Pause(1.2), event])
    async with AsyncStreamingClient(**fal.settings) as client:
        assert await client.stream("workflows/acme/flow").done() == event
        with pytest.raises(StreamTimeout):
            await client.stream("workflows/acme/flow", timeout=0.5).done()
