"""Every test that the page of promises names is there."""

from __future__ import annotations

import re

import pytest

from tests.docs.named import ROOT, missing_tests, named_tests, write_names

PAGE = ROOT / "docs" / "promises.md"
ROW = re.compile(r"^\| (?!case \||---)(.*?) \| .* \| (.*?) \|$", re.MULTILINE)

PROMISES = ROW.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("case", "held_by"), PROMISES, ids=[case for case, _ in PROMISES])
def test_each_promise_is_held(case: str, held_by: str) -> None:
    named = named_tests(held_by)
    assert write_names(named) == held_by
    assert missing_tests(named) == []


def test_there_are_promises() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert len(PROMISES) == sum(line.startswith("| ") for line in lines) - 2 > 20
