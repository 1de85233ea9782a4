"""Runs of pytest with the plugin, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["run_pytest"]

ROOT = Path(__file__).parents[2]


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the tests of a folder, with no other plugin than ours.

    Args:
        folder: The folder.
        *arguments: Further arguments of pytest.

    Returns:
        The exit code, and what was printed.
    """
    # Whether the project is installed or not, the plugin is loaded once.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "fal_stream._pytest_plugin"]
    command += ["-p", "no:cacheprovider", f"--rootdir={folder}", "-c", os.devnull, *arguments]
    run = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed, _ = run.communicate(timeout=50)
    return run.returncode, printed
