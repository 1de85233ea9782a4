"""Each scenario does what the table says: in the original, and in both flavours."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.original._async.player import play as play_async
from tests.original._sync.player import play as play_blocking
from tests.original.catalogue import SCENARIOS
from tests.original.scenario import Scenario, Seen, plain
from tests.original.server import STRANGER, serve

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=str)


@pytest.fixture(autouse=True)
def surroundings(
    monkeypatch: pytest.MonkeyPatch, local_names: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Give a scenario the key of the environment, and a stranger to ask."""
    monkeypatch.setenv("FAL_KEY", "env-id:env-secret")
    local_names[STRANGER] = True
    # A listener that raises is logged.
    with caplog.at_level(logging.CRITICAL, logger="fal_stream"):
        yield


def shown(seen: Seen | dict[str, Any]) -> str:
    """Write what was seen so that a difference is easy to find; `0`, `0.0` and `false` differ."""
    whole = plain(seen.whole()) if isinstance(seen, Seen) else seen
    return json.dumps(whole, indent=1, sort_keys=True)


@every_scenario
def test_the_original_does_what_the_table_says(
    scenario: Scenario, original: dict[str, Any]
) -> None:
    assert shown(original[scenario.name]) == shown(scenario.original)


@every_scenario
def test_the_blocking_flavour_does_what_the_table_says(scenario: Scenario) -> None:
    with serve(scenario) as fal:
        assert shown(play_blocking(scenario, fal)) == shown(scenario.expected)


@every_scenario
async def test_the_asyncio_flavour_does_what_the_table_says(scenario: Scenario) -> None:
    with serve(scenario) as fal:
        assert shown(await play_async(scenario, fal)) == shown(scenario.expected)
