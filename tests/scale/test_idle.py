"""Ten thousand idle streams of one client: what each takes, and what ending one costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scale.limits import most_open_files

ROOT = Path(__file__).parents[2]
STREAMS = 10_000
# Of Python's own, on CPython 3.11: 8.5 and 10.6 KiB when this was written.
MOST_BYTES = {"blocking": 11 * 1024, "asyncio": 13 * 1024}
# 60 and 103 calls to close one, 30 and 44 to drop one.
MOST_CALLS = {"blocking": 90, "asyncio": 140}
# To copy a list of all streams would take 80 KB.
MOST_BYTES_TO_END = 20_000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flavour", ["blocking", "asyncio"])
def test_ten_thousand_idle_streams(flavour: str) -> None:
    if most_open_files() < STREAMS + 1_000:
        pytest.skip("the system lets a process have fewer sockets")
    program = [sys.executable, "-m", "tests.scale.idle", flavour, str(STREAMS)]
    done = subprocess.run(
        program, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert 0 < figures["bytes of one"] <= MOST_BYTES[flavour], figures
    for how in ("close", "drop"):
        few, many = (figures[f"calls to {how}, {number}"] for number in ("few", "many"))
        assert 0 < many <= few + 5, figures
        assert few <= MOST_CALLS[flavour], figures
        assert figures[f"bytes to {how}, many"] <= MOST_BYTES_TO_END, figures
