"""Plays histories one after the other; one that breaks a rule is made short and shown."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from types import ModuleType
from typing import Any

from . import clients, maps, streams
from .flavours import FLAVOURS
from .history import History, chance_of
from .shrink import shrink
from .signals import Hang
from .world import Broken, told, worlds

__all__ = ["MACHINES", "Failure", "Tally", "play", "run"]

MACHINES: dict[str, ModuleType] = {"stream": streams, "map": maps, "client": clients}

# How long anything may take in a history (seconds), and where one is played again and again.
PATIENCE = 15.0
_SHORT_PATIENCE = 3.0


class Failure(AssertionError):
    """A history broke a rule; the message has the shortest one that was found."""


@dataclass
class Tally:
    """What was played.

    Attributes:
        histories: How many histories.
        steps: How many steps they had.
        seconds: How long they took.
        by_kind: The histories by machine and flavour.
    """

    histories: int = 0
    steps: int = 0
    seconds: float = 0.0
    by_kind: Counter[str] = field(default_factory=Counter[str])


def play(history: History, patience: float = PATIENCE, given: worlds | None = None) -> str | None:
    """Play a history.

    Args:
        history: The history.
        patience: How long anything may take (seconds).
        given: Gives its world. Default: one of its own.

    Returns:
        The rule that it has broken, a colon and more, or None.
    """
    if given is None:
        with worlds() as given:
            return play(history, patience, given)
    machine: Any = MACHINES[history.machine]
    try:
        with given.of(history, patience) as world:
            world.flavour.run(lambda: machine.play(world))
    except Broken as broken:
        return str(broken)
    except Hang as hang:
        return f"nothing hangs: the main thread\n{hang}"
    except Exception as error:
        inner = _innermost(error)
        if isinstance(inner, Broken):
            return str(inner)
        return f"only errors of ours are raised: {told(inner)}"
    return None


def _innermost(error: BaseException) -> BaseException:
    """Take an error out of the groups that a library has put around it."""
    inner = getattr(error, "exceptions", ())
    return _innermost(inner[0]) if inner else error


def made_up(chance: Random, machine: str, flavour: str) -> History:
    """Make a history up."""
    history: History = MACHINES[machine].made_up(chance, flavour)
    history.setup["switches"] = chance.random() < 0.5
    return history


def run(
    seed: int,
    *,
    seconds: float | None = None,
    count: int | None = None,
    machines: tuple[str, ...] = tuple(MACHINES),
    flavours: tuple[str, ...] = tuple(FLAVOURS),
    first: int = 0,
    patience: float = PATIENCE,
    shrink_seconds: float = 120.0,
) -> Tally:
    """Play histories for some time, or so many.

    Args:
        seed: What they are made up from.
        seconds: For how long. Default None: without an end.
        count: How many. Default None: without an end.
        machines: Of what.
        flavours: In which flavours.
        first: The number of the first.
        patience: How long anything may take in one (seconds).
        shrink_seconds: How long a history is made shorter that breaks a rule.

    Returns:
        What was played.

    Raises:
        Failure: A history broke a rule.
    """
    tally, begun = Tally(), time.monotonic()
    kinds = [(machine, flavour) for machine in machines for flavour in flavours]
    number = first
    with worlds() as given:
        while count is None or number < first + count:
            tally.seconds = time.monotonic() - begun
            if seconds is not None and tally.seconds > seconds:
                break
            machine, flavour = kinds[number % len(kinds)]
            history = made_up(chance_of(seed, number), machine, flavour)
            broken = play(history, patience, given)
            if broken is not None:
                raise _failure(seed, number, history, broken, given, shrink_seconds)
            tally.histories += 1
            tally.steps += len(history.steps)
            tally.by_kind[f"{machine} by {flavour}"] += 1
            number += 1
    tally.seconds = time.monotonic() - begun
    return tally


def _failure(
    seed: int, number: int, history: History, broken: str, given: worlds, seconds: float
) -> Failure:
    rule = broken.partition(":")[0]

    def breaks(candidate: History) -> bool:
        found = play(candidate, _SHORT_PATIENCE, given)
        return found is not None and found.startswith(f"{rule}:")

    shortest = shrink(history, breaks, MACHINES[history.machine].simpler, seconds)
    return Failure(
        f"history {number} of seed {seed} broke a rule: {broken[:4000]}\n\nThe shortest that was "
        f"found, of {len(history.steps)} steps:\n  {shortest}\n\n"
        f"Again: python -m tests.states --play '{shortest.to_json()}'"
    )
