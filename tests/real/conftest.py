"""Serves the real app in a process of its own. Without fal, nothing here is collected."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

if importlib.util.find_spec("fal") is None:
    collect_ignore_glob = ["*"]


PROXY_KEY = "proxy-id:proxy-secret"


@contextmanager
def first_line(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a process, and give the first line that it prints."""
    with (
        log.open("wb") as log_file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log_file, text=True, env=environment
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            if not line:
                pytest.fail(f"{command[0]} did not start:\n{log.read_text()}")
            # A process whose output nobody takes stands still when the pipe is full.
            drain = threading.Thread(target=process.stdout.read)
            drain.start()
            yield line
        finally:
            process.kill()
        drain.join()


@pytest.fixture(scope="session")
def demo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running `fal.App`, without a slash at the end."""
    command = [sys.executable, str(Path(__file__).with_name("app.py"))]
    with first_line(command, tmp_path_factory.mktemp("real") / "app.log") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def proxy_urls(
    demo_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """The addresses of running proxies before the app, `express` and `hono`."""
    folder = os.environ.get("NPM_FOLDER")
    if folder is None:
        pytest.skip("NPM_FOLDER is not set: `nox -s real` sets it where Node.js and npm are")
    script = str(Path(__file__).with_name("proxy.mjs"))
    command = ["node", script, folder, demo_url.removeprefix("http://")]
    log = tmp_path_factory.mktemp("proxy") / "proxy.log"
    with first_line(command, log, {**os.environ, "FAL_KEY": PROXY_KEY}) as line:
        yield json.loads(line)
