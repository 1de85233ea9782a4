"""The table of the documentation is current, complete, and says what is not met."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.named import missing_tests
from tests.faults.rows import ROWS, Row
from tests.faults.table import PART, names_of

MARKS = {"not_met", "async_not_met_when_blocking", "xfail"}


def test_the_table_is_current() -> None:
    assert PART.is_current(), "run python -m tests.faults.table"


def test_each_row_is_there() -> None:
    assert [row.number for row in ROWS] == list(range(1, 40))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_its_tests_are_there(row: Row) -> None:
    assert row.held_by
    assert missing_tests(names_of(row)) == []


def reasons() -> set[str]:
    """Give the reasons of all marks of tests here that are expected to fail."""
    found: set[str] = set()
    folder = Path(__file__).parent
    for path in [*folder.glob("test_*.py"), *folder.glob("_async/test_*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in MARKS:
                texts = [*node.args, *[word.value for word in node.keywords]]
                values = [text.value for text in texts if isinstance(text, ast.Constant)]
                found.update(value for value in values if isinstance(value, str))
    return found


def test_what_is_not_met_is_said() -> None:
    said = [reason for row in ROWS for reason in row.not_met]
    assert reasons()
    for reason in reasons():
        assert any(text.endswith(reason) for text in said), reason
    for text in said:
        assert any(text.endswith(reason) for reason in reasons()), text


def test_every_test_here_holds_a_row() -> None:
    named = {test for row in ROWS for test in names_of(row)}
    root = Path(__file__).parents[2]
    for path in Path(__file__).parent.glob("**/test_*.py"):
        file = path.relative_to(root).as_posix()
        if "/_sync/" in file or path == Path(__file__):
            continue
        assert any(file == other for other, _ in named), file
