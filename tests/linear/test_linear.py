"""Each pattern and each reader takes its worst 1 MiB in no time.

What is quadratic would take hours, so minutes tell one from the other on any machine. The cases run
in a process that can be ended, and whose last line is what it was at.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.programs import ROOT

from . import patterns

# The longest group takes less than a minute on a slow machine.
_LIMIT = 1200

# How many cases each group has at least.
LEAST = {
    "patterns": 45,
    "redactions": 400,
    "texts": 100,
    "bodies": 150,
    "documents": 150,
    "chunks": 100,
    "shown": 500,
}


def run(group: str, seconds: float) -> list[str]:
    command = [sys.executable, "-m", "tests.linear", group]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=True
        )
    except subprocess.TimeoutExpired as error:
        lines = (error.stdout or b"").decode().splitlines()
        raise AssertionError(f"it takes too long: {lines[-1]}") from None
    except subprocess.CalledProcessError as error:
        raise AssertionError(f"it failed: {error.stderr[-2000:]}") from None
    return done.stdout.splitlines()


@pytest.mark.skipif("LINEAR" not in os.environ, reason="it takes minutes: `nox -s linear` runs it")
@pytest.mark.timeout(_LIMIT + 60)
@pytest.mark.parametrize(("group", "least"), LEAST.items())
def test_work_is_linear(group: str, least: int) -> None:
    *names, last = [line for line in run(group, _LIMIT) if not line.endswith(" takes long")]
    assert last.startswith(f"{len(names)} cases, ")
    assert len(names) >= least


def test_all_patterns_are_found() -> None:
    found = patterns.patterns()
    assert len(found) >= 45
    assert {"fal_stream.errors._TOKEN", "fal_stream._shared.data_uri._HEAD"} <= found.keys()
    assert [name for name in found if not patterns.uses(name)] == []
    assert patterns.uses("fal_stream.errors._TOKEN") == {"sub"}


def test_what_is_quadratic_is_found() -> None:
    with pytest.raises(AssertionError, match="it takes too long: a quadratic one"):
        run("planted", 15)
