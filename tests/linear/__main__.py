"""`python -m tests.linear GROUP`: runs the cases of a group, and says before each which it is."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator

from . import patterns, readers

__all__ = ["GROUPS"]


def planted() -> Iterator[tuple[str, readers.Case]]:
    """Do what is not linear."""
    yield "a quadratic one", lambda: re.search("a*b", "a" * readers.MIB)


GROUPS: dict[str, Callable[[], Iterator[tuple[str, readers.Case]]]] = {
    "patterns": patterns.cases,
    "redactions": readers.redactions,
    "texts": readers.texts,
    "bodies": readers.bodies,
    "documents": readers.documents,
    "chunks": readers.chunks,
    "shown": readers.shown,
    "planted": planted,
}


def main() -> None:
    """Run the cases; the last line says how many there were, and how long the longest took."""
    longest, count = 0.0, 0
    for name, case in GROUPS[sys.argv[1]]():
        print(name.encode("ascii", "backslashreplace").decode(), flush=True)
        began = time.perf_counter()
        case()
        longest = max(longest, time.perf_counter() - began)
        count += 1
    print(f"{count} cases, the longest took {longest:.1f} s")


if __name__ == "__main__":
    main()
