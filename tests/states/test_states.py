"""A short share of the histories, the same each time; `nox -s states` plays them for an hour."""

from __future__ import annotations

import threading

import pytest

from .flavours import FLAVOURS
from .history import chance_of, from_json
from .planted import PLANTED, find
from .runner import MACHINES, made_up, play, run

SEED = 7

# Histories of each machine in each flavour.
SHARE = 30

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to that thread"
)


# A connection that an interruption has torn apart is closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_share(machine: str, flavour: str) -> None:
    tally = run(SEED, count=SHARE, machines=(machine,), flavours=(flavour,), shrink_seconds=20)
    assert tally.histories == SHARE
    assert tally.steps > SHARE


def test_a_history_is_the_same_each_time_and_can_be_written_down() -> None:
    for machine in MACHINES:
        for flavour in FLAVOURS:
            history = made_up(chance_of(SEED, 1), machine, flavour)
            assert history == made_up(chance_of(SEED, 1), machine, flavour)
            assert from_json(history.to_json()) == history
            assert flavour in str(history)


def test_histories_are_of_all_kinds() -> None:
    for machine in MACHINES:
        for flavour in FLAVOURS:
            made = [made_up(chance_of(SEED, n), machine, flavour) for n in range(400)]
            names = {step.name for history in made for step in history.steps}
            assert {"close", "copy"} <= names
            assert {"signal", "step"} <= names or flavour != "threads"
            assert "cancel" in names or flavour == "threads"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["an end that a cancellation cuts off", "a chunk that is lost"])
def test_a_planted_fault_is_found(name: str) -> None:
    rule, printed = find(name)
    assert rule.startswith(PLANTED[name].rules), printed
    # What is shown can be played again, is short, and breaks no rule without the fault.
    shortest = from_json(printed.partition("--play '")[2].rstrip("'\n"))
    assert shortest.machine == PLANTED[name].machine
    assert len(shortest.steps) <= 4, printed
    assert play(shortest) is None
