"""The page about mutants is current, and what is explained is still in the code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.docs.named_tests import ROOT
from tests.mutants.explained import GROUPS, Group
from tests.mutants.figures import PART, read_figures
from tests.mutants.judge import modules
from tests.mutants.results import Survivor, read_module


def squeezed(code: str) -> str:
    return " ".join(code.split())


def code_of(module: str) -> str:
    path = ROOT / "fal_stream" / "_shared" / f"{module}.py"
    return path.read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert PART.is_current(), "run python -m tests.mutants.figures"


def test_every_module_has_a_row() -> None:
    assert list(read_figures()) == modules()
    assert sum(pair is not None for pair in read_figures().values()) > 15


def test_as_many_survived_as_are_explained() -> None:
    explained = Counter(survivor.module for group in GROUPS for survivor in group.survivors)
    for module, pair in read_figures().items():
        if pair is None:
            continue  # not run since it was changed
        survived = pair[1]
        # Two changes in a function can read the same.
        assert (explained[module] > 0) == (survived > 0)
        assert explained[module] <= survived


def test_none_is_explained_twice() -> None:
    survivors = [survivor for group in GROUPS for survivor in group.survivors]
    assert len(survivors) == len(set(survivors))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.reason[:30])
def test_what_is_explained_is_in_the_code(group: Group) -> None:
    assert group.survivors
    figures = read_figures()
    for survivor in group.survivors:
        if figures[survivor.module] is None:
            continue  # not run since it was changed
        assert squeezed(survivor.old) in squeezed(code_of(survivor.module)), survivor


MUTATED = """
class A:
    @_mutmut_mutated(mutants_xǁAǁf__mutmut)
    def f(self, n):
        return (n +
            1)
    def xǁAǁf__mutmut_orig(self, n):
        return (n +
            1)
    def xǁAǁf__mutmut_1(self, n):
        return (n +
            2)
    def xǁAǁf__mutmut_2(self, n):
        return (n -
            1)
def x_g__mutmut_orig(n=1):
    return n
def x_g__mutmut_1(n=2):
    return n
"""

META = """{"exit_code_by_key": {
    "p.m.x\\u01c1A\\u01c1f__mutmut_1": 0, "p.m.x\\u01c1A\\u01c1f__mutmut_2": CODE,
    "p.m.x_g__mutmut_1": 33
}}"""

SPANS = """{"spans": {
    "x\\u01c1A\\u01c1f__mutmut_orig": [7, 9], "x\\u01c1A\\u01c1f__mutmut_1": [10, 12],
    "x\\u01c1A\\u01c1f__mutmut_2": [13, 15],
    "x_g__mutmut_orig": [16, 17], "x_g__mutmut_1": [18, 19]
}}"""


def write_results(folder: Path, code: str) -> None:
    (folder / "m.py").write_text(MUTATED, encoding="utf-8")
    (folder / "m.py.meta").write_text(META.replace("CODE", code), encoding="utf-8")
    (folder / "m.py.spans").write_text(SPANS, encoding="utf-8")


FIRST = Survivor("m", "A.f", "1)", "2)")
SECOND = Survivor("m", "A.f", "return (n +", "return (n -")
UNTESTED = Survivor("m", "g", "def g(n=1):", "def g(n=2):")


@pytest.mark.parametrize("code", ["1", "3", "36", "-24", "-9"])
def test_failures_and_hangs_are_no_survivors(tmp_path: Path, code: str) -> None:
    write_results(tmp_path, code)
    outcome = read_module(tmp_path, "m")
    assert (outcome.module, outcome.mutants) == ("m", 3)
    assert outcome.survivors == (FIRST, UNTESTED)


@pytest.mark.parametrize("code", ["0", "5", "33", "34"])
def test_what_no_test_reaches_survives(tmp_path: Path, code: str) -> None:
    write_results(tmp_path, code)
    assert read_module(tmp_path, "m").survivors == (FIRST, SECOND, UNTESTED)


@pytest.mark.parametrize("code", ["null", "2"])
def test_a_run_that_was_interrupted_says_nothing(tmp_path: Path, code: str) -> None:
    write_results(tmp_path, code)
    with pytest.raises(ValueError, match="f__mutmut_2 was not tested"):
        read_module(tmp_path, "m")
