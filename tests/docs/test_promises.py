"""Every test that the page of promises names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "promises.md"
ROW = re.compile(r"^\| (?!case \||---)(.*?) \| .* \| (.*?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

PROMISES = ROW.findall(PAGE.read_text(encoding="utf-8"))


def names_of_tests(path: Path) -> set[str]:
    """Give the names of the test functions of a file."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    }


@pytest.mark.parametrize(("case", "held_by"), PROMISES, ids=[case for case, _ in PROMISES])
def test_each_promise_is_held(case: str, held_by: str) -> None:
    named = NAMED.findall(held_by)
    assert ", ".join(f"`{file}::{name}`" for file, name in named) == held_by
    for file, name in named:
        assert name in names_of_tests(ROOT / file)
        if file.startswith("tests/_async/"):
            assert name in names_of_tests(ROOT / file.replace("_async", "_sync"))


def test_there_are_promises() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert len(PROMISES) == sum(line.startswith("| ") for line in lines) - 2 > 20
