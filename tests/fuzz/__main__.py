"""`python -m tests.fuzz`: a long run, or a single case again."""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from .parts import parts, run_part
from .runner import Difference, Span
from .targets import LONG_RUNS, TARGETS


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="which ones; default: all")
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--count", type=int, help="how many cases of each; default: a long run")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--processes", type=int, default=1, help="how many at a time")
    arguments = parser.parse_args()
    for name in arguments.targets:
        if name not in TARGETS:
            parser.error(f"there is no target {name!r}, only {', '.join(TARGETS)}")
    return arguments


def main() -> int:
    """Run what the command line says.

    Returns:
        0 where no case was a difference, else 1.
    """
    arguments = _arguments()
    seed = secrets.randbelow(1 << 32) if arguments.seed is None else arguments.seed
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.processes, mp_context=context) as pool:
        for name in arguments.targets or TARGETS:
            span = Span(seed, arguments.first, arguments.count or LONG_RUNS[name])
            begun = time.monotonic()
            jobs = [pool.submit(run_part, name, part) for part in parts(name, span)]
            try:
                for number, job in enumerate(jobs, 1):
                    job.result()
                    print(f"{name}: part {number} of {len(jobs)}", file=sys.stderr, flush=True)
            except Difference as difference:
                pool.shutdown(cancel_futures=True)
                print(difference, file=sys.stderr)
                return 1
            print(
                f"{name}: {span.length:,} cases of seed {seed}, no difference, "
                f"{time.monotonic() - begun:.0f} s",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
