"""Serves the real app in a process of its own. Without fal, nothing here is collected."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if importlib.util.find_spec("fal") is None:
    collect_ignore_glob = ["*"]


@pytest.fixture(scope="session")
def demo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running `fal.App`, without a slash at the end."""
    log = tmp_path_factory.mktemp("real") / "app.log"
    command = [sys.executable, str(Path(__file__).with_name("app.py"))]
    with (
        log.open("wb") as log_file,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log_file, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                pytest.fail(f"the app did not start:\n{log.read_text()}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
