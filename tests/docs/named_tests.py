"""Find the tests that a page names, and check that they exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

__all__ = ["ROOT", "missing_tests", "named_tests", "write_names"]

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named_tests(text: str) -> list[tuple[str, str]]:
    """Find the tests that a text names.

    Args:
        text: A text, with `` `tests/....py::test_...` `` in it.

    Returns:
        For each one its file and the name of its function.
    """
    return _NAMED.findall(text)


def write_names(tests: list[tuple[str, str]]) -> str:
    """Write the names of tests as a page does.

    Args:
        tests: Files and names.

    Returns:
        Markdown that `named_tests` reads.
    """
    return ", ".join(f"`{file}::{name}`" for file, name in tests)


def missing_tests(tests: list[tuple[str, str]]) -> list[str]:
    """Tell which tests are not there.

    Args:
        tests: Files and names. What is named of an `_async` folder has to be in the generated
            `_sync` folder too.

    Returns:
        Those that are not there; nothing is good news.
    """
    wanted = [
        (each, name)
        for file, name in tests
        for each in dict.fromkeys([file, file.replace("/_async/", "/_sync/")])
    ]
    return [f"{file}::{name}" for file, name in wanted if name not in _names_in(ROOT / file)]


@cache
def _names_in(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    )
