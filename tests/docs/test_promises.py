"""Every test that the pages of promises name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.named_tests import ROOT, missing_tests, named_tests, write_names

PAGES = [
    ROOT / "docs" / "contributing" / name
    for name in ("fixed-bugs.md", "promises.md", "security.md")
]
ROW = re.compile(r"^\| (?!case \||---)(.*?) \| .* \| (.*?) \|$", re.MULTILINE)

PROMISES = [row for page in PAGES for row in ROW.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("case", "held_by"), PROMISES, ids=[case for case, _ in PROMISES])
def test_each_promise_is_held(case: str, held_by: str) -> None:
    named = named_tests(held_by)
    assert write_names(named) == held_by
    assert missing_tests(named) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_there_are_promises(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = sum(line.startswith("| ") for line in text.splitlines())
    assert len(ROW.findall(text)) == lines - 2 > 10
