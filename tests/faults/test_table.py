"""The table of the documentation is current, complete, and says what is not met."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.named_tests import missing_tests
from tests.faults.rows import ROWS, Row
from tests.faults.table import PART, names_of


def test_the_table_is_current() -> None:
    assert PART.is_current(), "run python -m tests.faults.table"


def test_each_row_is_there() -> None:
    assert [row.number for row in ROWS] == list(range(1, 40))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_its_tests_are_there(row: Row) -> None:
    assert row.held_by
    assert missing_tests(names_of(row)) == []


def reasons(source: str) -> set[str]:
    """Give the reasons of all marks in a test file of tests that are expected to fail."""
    return {
        str(word.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "xfail"
        for word in node.keywords
        if word.arg == "reason" and isinstance(word.value, ast.Constant)
    }


def test_what_is_not_met_is_said() -> None:
    folder = Path(__file__).parent
    files = [*folder.glob("test_*.py"), *folder.glob("_async/test_*.py")]
    marked = set[str]().union(*[reasons(path.read_text(encoding="utf-8")) for path in files])
    assert marked == {reason for row in ROWS for reason in row.not_met}


def test_what_is_not_met_would_be_found() -> None:
    mark = 'pytestmark = pytest.mark.xfail(reason="it hangs", strict=True)'
    assert reasons(mark) == {"it hangs"}


def test_every_test_here_holds_a_row() -> None:
    named = {test for row in ROWS for test in names_of(row)}
    root = Path(__file__).parents[2]
    for path in Path(__file__).parent.glob("**/test_*.py"):
        file = path.relative_to(root).as_posix()
        if "/_sync/" in file or path == Path(__file__):
            continue
        assert any(file == other for other, _ in named), file
