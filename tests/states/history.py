"""Histories as data: they are made up from a seed, printed, played again and made shorter."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

__all__ = ["History", "Step", "chance_of", "from_json"]


@dataclass(frozen=True)
class Step:
    """One thing that somebody does.

    Attributes:
        actor: Who does it.
        name: What is done.
        args: With what; values of JSON.
        delay: How long the actor waits before it (seconds).
    """

    actor: str
    name: str
    args: tuple[Any, ...] = ()
    delay: float = 0.0

    def __str__(self) -> str:
        wait = f"after {self.delay * 1000:.1f} ms: " if self.delay else ""
        return f"{self.actor}: {wait}{self.name}{json.dumps(list(self.args))[1:-1] and self.args}"


@dataclass(frozen=True)
class History:
    """What happens to one stream, one map or one client. Actors go on side by side.

    Attributes:
        machine: `stream`, `map` or `client`.
        flavour: `threads`, `asyncio`, `anyio` or `trio`.
        setup: What is given from the beginning: the server's script, options, listeners.
        steps: What is done, in the order of each actor.
    """

    machine: str
    flavour: str
    setup: dict[str, Any] = field(default_factory=dict[str, Any])
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        setup = ", ".join(f"{name}={value!r}" for name, value in self.setup.items())
        lines = [f"{self.machine} by {self.flavour}: {setup}", *map(str, self.steps)]
        return "\n  ".join(lines)

    def to_json(self) -> str:
        """Write it, for `from_json`."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def of(self, actor: str) -> list[Step]:
        """Give the steps of one actor."""
        return [step for step in self.steps if step.actor == actor]

    def has(self, *names: str) -> bool:
        """Tell whether one of some things is done."""
        return any(step.name in names for step in self.steps)

    @property
    def actors(self) -> list[str]:
        """The actors, in the order in which they come."""
        return list(dict.fromkeys(step.actor for step in self.steps))

    def without(self, numbers: Iterable[int]) -> History:
        """Leave some steps out."""
        left_out = set(numbers)
        steps = tuple(step for n, step in enumerate(self.steps) if n not in left_out)
        return replace(self, steps=steps)


def from_json(text: str) -> History:
    """Read what `History.to_json` wrote."""
    value = json.loads(text)
    steps = tuple(
        Step(step["actor"], step["name"], tuple(step["args"]), step["delay"])
        for step in value["steps"]
    )
    return History(value["machine"], value["flavour"], value["setup"], steps)


def chance_of(seed: int, number: int) -> Random:
    """Give the source of chance of one history."""
    return Random((seed << 40) + number)
