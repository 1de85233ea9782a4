"""A few hundred streams over two processes of a Dask cluster, of which one is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fal_stream import StreamingClient

ROOT = Path(__file__).parents[2]


def test_what_dask_hands_on_holds_no_key() -> None:
    cloudpickle = pytest.importorskip("cloudpickle", reason="it comes with Dask: nox -s dask")
    with StreamingClient(credentials="scale-id:scale-secret", timeout=7) as client:
        for thing in (client, client.config, lambda: client):
            data = cloudpickle.dumps(thing)
            assert b"scale-secret" not in data
        assert cloudpickle.loads(cloudpickle.dumps(client)).config.timeout == 7


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_worker_is_killed() -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: nox -s dask does it")
    program = [sys.executable, "-m", "tests.scale.run", "--streams=400", "--workers=2", "--batch=5"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=55)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["killed"]
    assert figures["lost"] == figures["wrong"] == figures["never asked for"] == 0
    assert figures["twice without being said"] == 0
    assert "scale-secret" not in done.stdout + done.stderr
