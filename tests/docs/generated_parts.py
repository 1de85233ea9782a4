"""Generate the parts of pages that stand between two markers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.docs.named_tests import ROOT

__all__ = ["GeneratedPart"]

_END = "<!-- End of what is written. -->\n"


@dataclass(frozen=True)
class GeneratedPart:
    """A part of a page, and the module that writes it.

    Attributes:
        page: The page.
        module: The module, as `python -m` takes it.
        source: What it is written from.
        generate: Writes it: Markdown that ends with a line end.
    """

    page: Path
    module: str
    source: str
    generate: Callable[[], str]

    def current(self, text: str) -> str:
        """Give a page with the part as it would be written now.

        Args:
            text: The page.

        Returns:
            The page, with what stands between the markers replaced.

        Raises:
            ValueError: A marker is missing.
        """
        begin = f"<!-- Written by `python -m {self.module}` from {self.source}. -->\n"
        head, _, rest = text.partition(begin)
        _, marker, tail = rest.partition(_END)
        if not marker:
            raise ValueError(f"{self.page.name} lacks the markers {begin!r} and {_END!r}")
        return f"{head}{begin}\n{self.generate()}{_END}{tail}"

    def is_current(self) -> bool:
        """Tell whether the page holds what would be written now."""
        text = self.page.read_text(encoding="utf-8")
        return text == self.current(text)

    def main(self) -> None:
        """Write the part, or check it."""
        name = self.page.relative_to(ROOT).as_posix()
        parser = argparse.ArgumentParser(description=f"Writes a part of {name}.")
        parser.add_argument("--check", action="store_true", help="write nothing")
        if parser.parse_args().check:
            sys.exit(None if self.is_current() else f"{name}: run python -m {self.module}")
        text = self.page.read_text(encoding="utf-8")
        self.page.write_text(self.current(text), encoding="utf-8")
