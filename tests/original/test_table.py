"""The scenarios are well made, and the table of the documentation is theirs. Needs no Node.js."""

from __future__ import annotations

import pytest

from tests.original.catalogue import SCENARIOS
from tests.original.scenario import Scenario
from tests.original.table import PART


def test_the_table_is_current() -> None:
    assert PART.is_current(), "run python -m tests.original.table"


def test_each_scenario_has_a_name_of_its_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_what_differs_has_a_reason_and_nothing_else_has(scenario: Scenario) -> None:
    differs = scenario.ours is not None and scenario.ours.whole() != scenario.original.whole()
    assert differs == (scenario.ours is not None) == bool(scenario.reason)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_nothing_hangs_or_is_left_unhandled_here(scenario: Scenario) -> None:
    assert scenario.expected.ending != "hangs"
    assert scenario.expected.done != "hangs"
    assert not scenario.expected.unhandled
