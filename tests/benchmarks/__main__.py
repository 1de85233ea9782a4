"""Measures the client beside others: `python -m tests.benchmarks` in the root of the project.

`--write` writes `docs/contributing/performance.md` and its plot. Without it the figures are printed
only, and works, contenders and the number of rounds may be chosen.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Sequence

from .contenders import CONTENDERS
from .measure import can, measure
from .processes import entrants_of, serving
from .profiling import profile
from .report import described, tables, write_page
from .results import Results
from .workloads import WORKS, Work


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description="Measures streaming clients beside each other.")
    parser.add_argument("--rounds", type=int, default=7, help="how many (default: 7)")
    parser.add_argument("--works", nargs="+", choices=WORKS, metavar="WORK")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--scale", type=float, default=1, help="share of the events (default: 1)")
    parser.add_argument("--pinned", action="store_true", help="leave out those not pinned")
    parser.add_argument("--write", action="store_true", help="write the page and its plot")
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    arguments = parser.parse_args()
    if arguments.write and (arguments.works or arguments.contenders or arguments.scale != 1):
        parser.error("what is written is the whole: --write goes with --rounds only")
    npm = os.environ.get("NPM_FOLDER")
    works = [WORKS[name] for name in arguments.works or WORKS]
    names = arguments.contenders or list(CONTENDERS)
    failures: list[str] = []

    def measured(works: Sequence[Work], names: Sequence[str], *, pinned: bool) -> Results:
        with serving(npm, pinned=pinned) as place:
            entrants = entrants_of(names, place)
            rounds, scale = arguments.rounds, arguments.scale
            return measure(works, entrants, place, rounds, scale, failures)

    if arguments.profile:
        with serving(npm, pinned=False) as place:
            for (contender, flavour), work in itertools.product(entrants_of(names, place), works):
                if contender.module and work.kind != "start" and can(contender, flavour, work):
                    print(f"{contender.name}, {flavour}: {work.title}")
                    print(profile(contender, flavour, work.scaled(arguments.scale), place))
        return
    began = time.monotonic()
    head = [*described(names, npm, arguments.rounds)]
    runs = {"pinned": measured(works, names, pinned=True)}
    if not arguments.pinned:
        # Where a client sleeps between events, it costs more to be woken on another processor.
        twice = [work for work in works if work.unpinned]
        core = [name for name in names if CONTENDERS[name].is_core]
        runs["not pinned"] = measured(twice, core, pinned=False)
    text = "\n".join([*head, *(f"{failure}\n" for failure in failures), *tables(runs)])
    print(text)
    print(f"It took {(time.monotonic() - began) / 60:.0f} minutes.", file=sys.stderr)
    if arguments.write:
        from .plot import draw

        write_page(f"{text}\n")
        draw(runs["pinned"])


if __name__ == "__main__":
    main()
