"""Writes the tables of `docs/contributing/mutants.md` from the last run over all modules.

Usage: `python -m tests.mutants.figures [--check]` in the root of the project.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.docs.generated_parts import GeneratedPart
from tests.docs.named_tests import ROOT
from tests.mutants.explained import GROUPS

__all__ = ["FIGURES", "PART", "read_figures"]

FIGURES = Path(__file__).with_name("figures.json")
"""How many mutants each module had, and how many of them survived; null for one never run."""


def read_figures() -> dict[str, tuple[int, int] | None]:
    """Return how many mutants each module had, and how many of them survived.

    Returns:
        The figures by module, None for a module that is newer than the last run.
    """
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {module: None if pair is None else tuple(pair) for module, pair in figures.items()}


def _row(name: str, mutants: int, survived: int) -> str:
    killed = mutants - survived
    return f"| {name} | {mutants:,} | {killed:,} | {survived} | {100 * killed / mutants:.1f} % |"


def _lines() -> Iterator[str]:
    figures = read_figures()
    yield "| module | mutants | noticed | survived | share noticed |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for module, pair in figures.items():
        name = f"`{module}`"
        # Those that were added or changed since they were run have no figures.
        yield f"| {name} | not run as it is now | | | |" if pair is None else _row(name, *pair)
    run = [pair for pair in figures.values() if pair is not None]
    totals = [sum(pair[place] for pair in run) for place in (0, 1)]
    yield _row("**all**", *totals)
    yield ""
    yield "| why no test can, or need, notice it | how many different ones, in |"
    yield "| --- | --- |"
    for group in GROUPS:
        counts = Counter(survivor.module for survivor in group.survivors)
        places = ", ".join(f"`{module}` {count}" for module, count in sorted(counts.items()))
        yield f"| {group.reason} | {places} |"


PART = GeneratedPart(
    ROOT / "docs" / "contributing" / "mutants.md",
    "tests.mutants.figures",
    "tests/mutants/figures.json and explained.txt",
    lambda: "\n".join(_lines()) + "\n",
)

if __name__ == "__main__":
    PART.main()
