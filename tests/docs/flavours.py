"""Examples in both flavours: the blocking one is written from the asynchronous one.

Usage: `python -m tests.docs.flavours [--check]` in the root of the project.

Promises: a page says each such example once. Between the two markers, each with a line of its own,
stand titles that end in a colon, each with its code: first the blocking example, which is replaced,
then the asynchronous one, which it is converted from, then whatever else. On a code host that is
read as it stands; `docs/_sphinx/tabs.py` makes tabs of it.

Leaves to others: how code is converted (`tests.unasync`), and whether it runs (`test_examples.py`).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.docs.named_tests import ROOT
from tests.unasync.convert import Converter
from tests.unasync.generator import lay_out
from tests.unasync.rules import RULES

__all__ = ["EXAMPLE", "PAGES", "blocking", "current"]

PAGES = sorted((ROOT / "docs").glob("**/*.md"))
"""The pages."""

EXAMPLE = re.compile(
    r"^<!-- flavours -->\n(?P<title>[^\n]+:)\n\n```python\n(?P<blocking>.*?)^```\n\n"
    r"(?P<next>[^\n]+:)\n\n```python\n(?P<source>.*?)^```\n(?P<more>.*?)^<!-- end of flavours -->$",
    re.MULTILINE | re.DOTALL,
)
"""An example in both flavours."""


def blocking(sources: Iterable[str]) -> list[str]:
    """Convert examples, in one go.

    Args:
        sources: The asynchronous examples.

    Returns:
        The blocking ones, laid out.

    Raises:
        SyntaxError: An example is no Python.
        GenerationError: ruff failed.
    """
    converter = Converter(RULES)
    texts = {
        f"example_{number}.py": converter.module(_without_loop(source))
        for number, source in enumerate(sources)
    }
    return [content.decode() for content in lay_out(ROOT, texts).values()]


def _without_loop(source: str) -> str:
    """Leave out what starts the event loop of a program."""
    called = re.sub(r"\basyncio\.run\((main\(\))\)", r"\1", source)
    return called if "asyncio." in called else called.replace("import asyncio\n", "")


def current(text: str) -> str:
    """Give a page with the blocking examples as they would be written now.

    Args:
        text: The page.

    Returns:
        The page, with these examples replaced.
    """
    written = iter(blocking(match["source"] for match in EXAMPLE.finditer(text)))

    def replaced(match: re.Match[str]) -> str:
        start, end = (place - match.start() for place in match.span("blocking"))
        return match[0][:start] + next(written) + match[0][end:]

    return EXAMPLE.sub(replaced, text)


def main() -> None:
    """Write the examples, or check them."""
    parser = argparse.ArgumentParser(description="Writes the blocking examples of the docs.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale: list[Path] = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (now := current(text)) != text:
            stale.append(page)
            if not check:
                page.write_text(now, encoding="utf-8")
    for page in stale:
        print(page.relative_to(ROOT).as_posix())
    sys.exit(bool(check and stale))


if __name__ == "__main__":
    main()
