"""What a shell completes: bash itself is asked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import SECONDS, environment

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")

SCRIPT = """
eval "$("$PYTHON" -c 'import argcomplete; print(argcomplete.shellcode(["fal-stream"]))')"
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9
_python_argcomplete fal-stream
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(line: str, folder: Path, **more: str) -> list[str]:
    """Give what bash offers for a line whose end is the cursor."""
    program = folder / "bin" / "fal-stream"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fal_stream "$@"\n')
    program.chmod(0o755)
    variables = environment(None, PYTHON=sys.executable, **more)
    variables["PATH"] = f"{program.parent}:{variables['PATH']}"
    done = subprocess.run(
        ["bash", "-c", SCRIPT, "bash", line],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.stderr == ""
    return [word.strip() for word in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fal-stream r", ["run"]),
        ("fal-stream run acme/llm --start", ["--start-timeout"]),
        ("fal-stream run acme/llm prompt=Hi --te", ["--text"]),
        ("fal-stream run acme/llm --method P", ["PATCH", "POST", "PUT"]),
        ("fal-stream run acme/llm --priority l", ["low"]),
        ("fal-stream run acme/llm --timeout n", ["none"]),
        ("fal-stream run acme/llm image_url@fo", ["fox.png"]),
        ("fal-stream run acme/llm --output pic", ["pictures/"]),
        ("fal-stream run acme/llm --input fo", ["fox.png"]),
        ("fal-stream run acme/llm --header x", [""]),
        ("fal-stream serve --po", ["--port"]),
    ],
)
def test_words(line: str, words: list[str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    (tmp_path / "fox.png").touch()
    (tmp_path / "pictures").mkdir()
    assert completed(line, tmp_path) == words


def test_without_argcomplete_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "argcomplete.py").write_text("raise ImportError('it is not installed')")
    done = subprocess.run(
        [sys.executable, "-m", "fal_stream", "--version"],
        env=environment(None, _ARGCOMPLETE="1")
        | {"PYTHONPATH": f"{tmp_path}:{environment(None)['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
