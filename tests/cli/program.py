"""The command line as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fal_stream
from fal_stream.testing import LocalFal

ROOT = Path(fal_stream.__file__).parents[1]
PROGRAM = [sys.executable, "-m", "fal_stream"]
SECONDS = 30.0
_LEFT_OUT = {"LC_ALL", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONWARNINGS"}


@dataclass(frozen=True)
class Ended:
    """What a process left.

    Attributes:
        code: Its exit code.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
    """

    code: int
    out: bytes
    err: str

    @property
    def chunks(self) -> list[Any]:
        """The lines of stdout, decoded from JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def lines(self) -> list[str]:
        """The lines of stderr; none of them is of a traceback."""
        assert "Traceback" not in self.err
        assert "Exception ignored" not in self.err
        return self.err.splitlines()


def environment(fal: LocalFal | None, **more: str) -> dict[str, str]:
    """Give the environment of a process that finds the server.

    Args:
        fal: The server. None: there is none, and no key.
        **more: More variables.
    """
    settings: dict[str, str] = {}
    if fal is not None:
        settings = {"FAL_RUN_HOST": fal.url, "FAL_REST_HOST": fal.url}
        if fal.key is not None:
            settings["FAL_KEY"] = fal.key
    inherited = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    return {**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **settings, **more}


@contextmanager
def started(
    fal: LocalFal | None, *arguments: str, cwd: Path | None = None, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command line while the block runs.

    Args:
        fal: The server that it finds.
        *arguments: Its arguments.
        cwd: Where it runs.
        **more: Variables of its environment.
    """
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=cwd or ROOT,
        env=environment(fal, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[bytes], given: bytes | None = None) -> Ended:
    """Wait for the end of a process.

    Args:
        process: The process.
        given: What it reads from stdin. Default None: nothing.
    """
    out, err = process.communicate(given, timeout=SECONDS)
    return Ended(process.returncode, out, err.decode("utf-8", "surrogateescape"))


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C."""
    process.send_signal(signal.SIGINT)


def call(
    fal: LocalFal | None,
    *arguments: str,
    given: bytes | None = None,
    cwd: Path | None = None,
    **more: str,
) -> Ended:
    """Run the command line to its end; see `started`."""
    with started(fal, *arguments, cwd=cwd, **more) as process:
        return end(process, given)


def shell(fal: LocalFal, command: str, **more: str) -> Ended:
    """Run a line of bash in which `fal-stream` is the command line.

    Args:
        fal: The server that it finds.
        command: The line.
        **more: Variables of its environment.
    """
    function = 'fal-stream() { "$PYTHON" -m fal_stream "$@"; }; '
    done = subprocess.run(
        ["bash", "-c", function + command],
        cwd=ROOT,
        env=environment(fal, PYTHON=sys.executable, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
    )
    return Ended(done.returncode, done.stdout, done.stderr.decode("utf-8", "surrogateescape"))
