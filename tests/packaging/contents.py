"""Looks at what is built: `python -m tests.packaging.contents WHEEL SOURCE`.

Promises: says whether the source distribution holds what git knows and nothing else, and whether
the text for a package index holds there. Leaves to others: the files of the wheel
(`check-wheel-contents`), and what is installed of it (`smoke`).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from email import message_from_string
from pathlib import Path

__all__ = ["differences", "main", "misleading"]

ROOT = Path(__file__).parents[2]

# hatchling puts in the first of them, and takes .gitignore along.
MADE = {"PKG-INFO"}
LEFT_OUT = {".gitattributes"}

LINK = re.compile(r"\]\(\s*<?([^)\s>]*)")
ADDRESS = re.compile(r"https?://|#")
# What only a checkout has.
INSTALL_HERE = re.compile(r"pip install '?\.")


def differences(built: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Compare the files of a source distribution with those of the project.

    Args:
        built: The files of the source distribution.
        known: The files that git knows.

    Yields:
        What differs, each as a line.
    """
    expected = {*known, *MADE} - LEFT_OUT
    found = set(built)
    yield from (f"not a file of the project: {name}" for name in sorted(found - expected))
    yield from (f"not in the source distribution: {name}" for name in sorted(expected - found))


def misleading(text: str) -> Iterator[str]:
    """Look for what does not hold where there is no checkout.

    Args:
        text: Markdown.

    Yields:
        Links to files, and commands that install the current folder.
    """
    for target in LINK.findall(text):
        if not ADDRESS.match(target):
            yield f"a link to a file in the text for a package index: {target}"
    for command in INSTALL_HERE.findall(text):
        yield f"needs a checkout, in the text for a package index: {command}"


def _files_of(source: str) -> Iterator[str]:
    with tarfile.open(source) as archive:
        for member in archive:
            _, _, name = member.name.partition("/")
            yield name


def _known_files() -> list[str]:
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return listed.stdout.rstrip("\0").split("\0")


def _text_of(wheel: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return str(message_from_string(archive.read(name).decode()).get_payload())


def main(wheel: str, source: str) -> int:
    """Print what is wrong.

    Args:
        wheel: The wheel.
        source: The source distribution.

    Returns:
        The exit code: 1 if something is.
    """
    wrong = [*misleading(_text_of(wheel))]
    if (ROOT / ".git").exists():
        wrong += differences(_files_of(source), _known_files())
    else:
        print("No git here: the files of the source distribution are not compared")
    print(
        *wrong or ["The source distribution and the text for a package index are right"], sep="\n"
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
