"""Measures the client beside others: `python -m tests.benchmarks` in the root of the project.

`--write` writes `docs/contributing/performance.md` and its plot. Without it the figures are printed
only, and works, contenders and the number of rounds may be chosen.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from .contenders import CONTENDERS
from .measure import measure
from .processes import entrants_of, serving
from .report import described, tables, write_page
from .results import Results
from .workloads import WORKS, Work


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description="Measures streaming clients beside each other.")
    parser.add_argument("--rounds", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--works", nargs="+", choices=WORKS, metavar="WORK")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--scale", type=float, default=1, help="share of the events (default: 1)")
    parser.add_argument("--unpinned", action="store_true", help="leave processors to the system")
    parser.add_argument("--write", action="store_true", help="write the page and its plot")
    arguments = parser.parse_args()
    if arguments.write and (arguments.works or arguments.contenders or arguments.scale != 1):
        parser.error("what is written is the whole: --write goes with --rounds only")
    npm = os.environ.get("NPM_FOLDER")
    works = [WORKS[name] for name in arguments.works or WORKS]
    names = arguments.contenders or list(CONTENDERS)

    def measured(works: Sequence[Work], *, pinned: bool) -> Results:
        with serving(npm, pinned=pinned) as place:
            entrants = entrants_of(names, place)
            return measure(works, entrants, place, arguments.rounds, arguments.scale)

    results = measured(works, pinned=not arguments.unpinned)
    lines = [
        *described(names, npm, arguments.rounds),
        *tables(results, pinned=not arguments.unpinned),
    ]
    if arguments.write:
        # Where a client sleeps between events, it costs more to be woken on another processor.
        dripping = [work for work in works if work.kind in ("first", "latency")]
        lines += tables(measured(dripping, pinned=False), pinned=False)
    text = "\n".join(lines)
    print(text)
    if arguments.write:
        from .plot import draw

        write_page(f"{text}\n")
        draw(results)


if __name__ == "__main__":
    main()
