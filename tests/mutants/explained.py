"""The mutants that no test notices, and why none has to: reads `explained.txt`.

A reason is a line that begins with `#`. Below it stand the survivors as the judge prints them:
module and function, then the lines before (`-`), then the lines after (`+`). Several may follow one
another for the same lines before, and several lines before for the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.mutants.results import Survivor

__all__ = ["GROUPS", "Group"]

_EXPLAINED = Path(__file__).with_name("explained.txt")


@dataclass(frozen=True)
class Group:
    """Survivors for one reason.

    Attributes:
        reason: The reason.
        survivors: The survivors.
    """

    reason: str
    survivors: list[Survivor]


def _read(text: str) -> list[Group]:
    groups: list[Group] = []
    place, old = "", ""
    for line in filter(None, map(str.strip, text.splitlines())):
        mark, _, rest = line.partition(" ")
        if mark == "#":
            groups.append(Group(rest, []))
        elif mark == "-":
            old = rest
        elif mark == "+":
            module, _, function = place.partition(", ")
            groups[-1].survivors.append(Survivor(module, function, old, rest))
        else:
            place = line
    return groups


GROUPS = _read(_EXPLAINED.read_text(encoding="utf-8"))
