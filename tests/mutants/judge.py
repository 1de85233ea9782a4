"""Compares the mutants that survived with those that are explained.

Usage: `python -m tests.mutants.judge FOLDER [MODULE ...]` in the root, where FOLDER is
what mutmut ran in. Fails where a survivor is not explained, or an explained one did not survive.
After a run over all modules without a failure the figures are written, and the page with them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.docs.named_tests import ROOT
from tests.mutants.explained import GROUPS
from tests.mutants.figures import FIGURES, PART
from tests.mutants.results import Outcome, Survivor, read_module

__all__ = ["modules"]


def modules() -> list[str]:
    """Give the names of the modules that are changed."""
    folder = ROOT / "fal_stream" / "_shared"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def _main(folder: Path, chosen: list[str]) -> None:
    results = folder / "mutants" / "fal_stream" / "_shared"
    outcomes = [read_module(results, name) for name in chosen or modules()]
    survivors = {survivor for outcome in outcomes for survivor in outcome.survivors}
    names = {outcome.module for outcome in outcomes}
    explained = {
        survivor for group in GROUPS for survivor in group.survivors if survivor.module in names
    }
    for outcome in outcomes:
        print(f"{outcome.module}: {outcome.mutants} mutants, {len(outcome.survivors)} survived")
    _print("Not explained:", survivors - explained)
    _print("Explained, but did not survive:", explained - survivors)
    if survivors != explained:
        sys.exit("tests/mutants/explained.txt does not tell what survived")
    if not chosen:
        _write(outcomes)


def _print(title: str, survivors: set[Survivor]) -> None:
    if survivors:
        print(f"\n{title}")
    for survivor in sorted(survivors):
        print(f"  {survivor.module}, {survivor.function}")
        print(f"    - {survivor.old}")
        print(f"    + {survivor.new}")


def _write(outcomes: list[Outcome]) -> None:
    figures = {each.module: [each.mutants, len(each.survivors)] for each in outcomes}
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    text = PART.page.read_text(encoding="utf-8")
    PART.page.write_text(PART.current(text), encoding="utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
