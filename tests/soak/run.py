"""Plays a thousand mixed faults by one client of each flavour, and says what is left of them.

Usage: `python -m tests.soak.run [--count 1000] [--seed 4]` in the root of the project.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
import warnings
from dataclasses import asdict

import anyio

from tests.latency.phase_servers import FLAVOURS

from . import asynchronous, blocking
from .balance import Balance
from .servers import started

# Longer than a client keeps an idle connection (seconds).
SETTLE = 5.5


def leaks(before: Balance, after: Balance) -> list[str]:
    """Name what there is more of, but for memory, which is not counted in ones.

    Args:
        before: What there was.
        after: What there is.

    Returns:
        Names; nothing is good news.
    """
    names = ("files", "threads", "tasks", "at_work")
    return [name for name in names if getattr(after, name) > getattr(before, name)]


def main() -> None:
    """Play, and print what there was and what is left."""
    parser = argparse.ArgumentParser(description="Plays mixed faults, and says what is left.")
    parser.add_argument("--count", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--seed", type=int, default=4, help="which (default: 4)")
    arguments = parser.parse_args()
    # What is dropped on purpose.
    warnings.simplefilter("ignore", ResourceWarning)
    tracemalloc.start()
    found: list[str] = []
    for flavour in FLAVOURS:
        begun = time.monotonic()
        with started() as places:
            amounts = places, arguments.count, arguments.seed, 200, SETTLE
            if flavour == "blocking":
                before, after, ends = blocking.soak(*amounts)
            else:
                before, after, ends = anyio.run(asynchronous.soak, *amounts, backend=flavour)
        seconds = time.monotonic() - begun
        print(f"{flavour}: {arguments.count} faults of seed {arguments.seed} in {seconds:.0f} s")
        print("  ended by " + ", ".join(f"{name} {times}" for name, times in ends.most_common()))
        for name, value in asdict(before).items():
            print(f"  {name:12} {value:8,} {getattr(after, name):8,}", flush=True)
        found += [f"{flavour}: {name}" for name in leaks(before, after)]
    sys.exit(f"more than before: {', '.join(found)}" if found else None)


if __name__ == "__main__":
    main()
