"""Compares the public names with those of the last tag: `python -m tests.packaging.api`.

Promises: fails where something public has gone or changed since the last tag, unless the version
tells of it as Semantic Versioning wants (before 1.0 the second number does). Leaves to others: the
comparison itself (griffe).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from packaging.version import Version

__all__ = ["main", "may_break"]

ROOT = Path(__file__).parents[2]
PLACE = "fal_stream/_version.py"
VERSION = re.compile(r'__version__ = "(.*)"')


def may_break(old: Version, new: Version) -> bool:
    """Tell whether a version may take away what another has.

    Args:
        old: The version of the last tag.
        new: The version of the project.

    Returns:
        True if it may, by https://semver.org (rules 4 and 8).
    """
    if new.major == old.major == 0:
        return new.minor > old.minor
    return new.major > old.major


def _git(*command: str) -> str | None:
    done = subprocess.run(("git", *command), cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def _version_in(text: str) -> Version:
    found = VERSION.search(text)
    if found is None:
        raise ValueError(f"no version in {PLACE}")
    return Version(found[1])


def main() -> int:
    """Print what has gone or changed.

    Returns:
        The exit code: 1 if something has that must not.
    """
    tag = (_git("describe", "--tags", "--abbrev=0") or "").strip()
    if not tag:
        print("There is no tag yet: the public names are compared with nothing")
        return 0
    command = [sys.executable, "-m", "griffe", "check", "fal_stream", "--search", ".", "--against"]
    compared = subprocess.run([*command, tag], cwd=ROOT)
    if compared.returncode == 0:
        print(f"Nothing public has gone or changed since {tag}")
        return 0
    old = _version_in(_git("show", f"{tag}:{PLACE}") or "")
    new = _version_in((ROOT / PLACE).read_text(encoding="utf-8"))
    if compared.returncode == 1 and may_break(old, new):
        print(f"The version says so: {old} became {new}")
        return 0
    return compared.returncode


if __name__ == "__main__":
    sys.exit(main())
