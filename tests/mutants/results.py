"""What a run of mutmut left behind: which mutants survived, and how they differ from the code.

Reads the files that mutmut keeps beside the mutated modules. They are private to it, which is why
its version is pinned.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Outcome", "Survivor", "read_module"]

# Of pytest: a test failed, or pytest itself did.
_FAILED = {1, 3}
# The process had used up its time, or was ended by a signal.
_HUNG = {-24, 24, 36, 152, 255, -9, -11}

_NAME = re.compile(r"x(?:_|ǁ(\w+?)ǁ)(\w+)__mutmut_\d+")


@dataclass(frozen=True, order=True)
class Survivor:
    """A mutant that no test noticed.

    Attributes:
        module: The module, without its package.
        function: The function, with its class if it has one.
        old: The lines that were changed, without what stands around them, joined by blanks.
        new: The lines that stand in their place.
    """

    module: str
    function: str
    old: str
    new: str


@dataclass(frozen=True)
class Outcome:
    """What became of the mutants of a module.

    Attributes:
        module: The module, without its package.
        mutants: How many there were.
        survivors: Those that no test noticed.
    """

    module: str
    mutants: int
    survivors: tuple[Survivor, ...]


def read_module(folder: Path, module: str) -> Outcome:
    """Read what became of the mutants of a module.

    Args:
        folder: Where mutmut put the mutated modules.
        module: The module, without its package.

    Returns:
        What became of them.

    Raises:
        ValueError: A mutant was not tested.
    """
    path = folder / f"{module}.py"
    codes: dict[str, int | None] = _load(folder / f"{module}.py.meta")["exit_code_by_key"]
    spans: dict[str, list[int]] = _load(folder / f"{module}.py.spans")["spans"] if codes else {}
    lines = path.read_text(encoding="utf-8").splitlines()
    survivors = []
    for key, code in codes.items():
        if code is None or code == 2:
            raise ValueError(f"{key} was not tested")
        if code not in _FAILED | _HUNG:
            name = key.rpartition(".")[2]
            found = _NAME.fullmatch(name)
            assert found is not None, name
            texts = []
            for each in (re.sub(r"\d+\Z", "orig", name), name):
                first, last = spans[each]
                texts.append([line.replace(each, found[2]) for line in lines[first - 1 : last]])
            function = ".".join(part for part in found.groups() if part)
            survivors.append(Survivor(module, function, *_difference(*texts)))
    return Outcome(module, len(codes), tuple(sorted(survivors)))


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _difference(original: list[str], mutated: list[str]) -> tuple[str, str]:
    """Give the lines that were changed, and those in their place."""
    lines = list(difflib.ndiff(original, mutated))
    old, new = (
        " ".join(line[2:].strip() for line in lines if line.startswith(mark)) for mark in "-+"
    )
    return old, new
