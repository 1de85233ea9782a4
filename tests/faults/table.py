"""Writes the table of `docs/contributing/faults.md` from the rows.

Usage: `python -m tests.faults.table [--check]` in the root of the project. `--check` writes
nothing, and fails where the page is not what would be written.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.docs.generated_parts import GeneratedPart
from tests.docs.named_tests import ROOT, write_names
from tests.faults.rows import ROWS, Row

__all__ = ["PART", "names_of"]


def names_of(row: Row) -> list[tuple[str, str]]:
    """Give the tests of a row.

    Args:
        row: The row.

    Returns:
        Their files, from the root of the project, and their names.
    """
    parts = [test.partition("::") for test in row.held_by]
    return [(f"tests/{file}", name) for file, _, name in parts]


def _lines() -> Iterator[str]:
    yield "| # | fault | what happens | held by |"
    yield "| --- | --- | --- | --- |"
    for row in ROWS:
        outcome = "; ".join(
            [row.outcome, *[f"**not handled:** {reason}" for reason in row.not_met]]
        )
        yield f"| {row.number} | {row.fault} | {outcome} | {write_names(names_of(row))} |"
    met = sum(not row.not_met for row in ROWS)
    yield ""
    yield f"Handled: {met} of {len(ROWS)}."


PART = GeneratedPart(
    ROOT / "docs" / "contributing" / "faults.md",
    "tests.faults.table",
    "tests/faults/rows.py",
    lambda: "\n".join(_lines()) + "\n",
)

if __name__ == "__main__":
    PART.main()
