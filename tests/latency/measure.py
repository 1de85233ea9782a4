"""Measures how soon a reader returns after an abort, and writes `docs/contributing/latency.md`.

Usage: `python -m tests.latency.measure [--times 20] [--only TEXT]` in the root of the project.
With `--only` the phases whose names hold the text are measured, and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

import anyio

from tests.docs.named_tests import ROOT
from tests.sockets import open_files, own_threads

from . import asynchronous, blocking
from .origins import origins_of
from .phase_servers import FLAVOURS, Flavour, Wire, set_up
from .phases import PHASES, Phase

PAGE = ROOT / "docs" / "contributing" / "latency.md"
COMMAND = "python -m nox -s latency"

# Until a wait has begun that nothing can be seen of (seconds).
SETTLED = 0.02

GOAL_MEDIAN, GOAL_LONGEST = 5.0, 50.0


class Cell(NamedTuple):
    """What was measured together."""

    phase: str
    wire: Wire
    flavour: Flavour
    origin: str


Taken = dict[Cell, list[float]]


def measure(name: str, phase: Phase, times: int) -> Taken:
    """Measure a phase.

    Args:
        name: Its name.
        phase: The phase.
        times: How often each cell is measured.

    Returns:
        The milliseconds from each abort to the return.
    """
    taken: Taken = {}
    for flavour in FLAVOURS:
        for wire in phase.wires:
            with set_up(wire, flavour) as setting, phase.make(setting) as stage:
                origins = origins_of(flavour)
                if flavour == "blocking":
                    found = blocking.abort_all(stage, origins, times, SETTLED)
                else:
                    found = anyio.run(
                        asynchronous.abort_all, stage, origins, times, SETTLED, backend=flavour
                    )
            for origin, seconds in found.items():
                taken[Cell(name, wire, flavour, origin)] = [1000 * one for one in seconds]
    return taken


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} / {max(values):.1f}" if values else "-"


def _pick(taken: Taken, **wanted: str) -> list[float]:
    return [
        one
        for cell, values in taken.items()
        if all(getattr(cell, name) == value for name, value in wanted.items())
        for one in values
    ]


def _lines(taken: Taken, times: int) -> Iterator[str]:
    yield f"<!-- Written by `{COMMAND}`. -->"
    yield ""
    yield "# Latency of aborts"
    yield ""
    yield "How long it takes, from the call of `abort()`, until the thread or task that reads the"
    yield "stream returns: the median and the longest time, in milliseconds. The goal is a median"
    yield f"under {GOAL_MEDIAN:.0f} and a longest time under {GOAL_LONGEST:.0f}."
    yield ""
    values = _pick(taken)
    late = sum(value >= GOAL_LONGEST for value in values)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    load = f", of which {os.getloadavg()[0]:.1f} were busy" if hasattr(os, "getloadavg") else ""
    yield f"Measured on {platform.system()} with {python}, on {os.cpu_count()} processors{load},"
    yield f"with client and servers in one process; {times} aborts of each phase from each origin:"
    yield f"{len(values):,} in all, {_shown(values)} ms. Of them {late} took longer than the goal."
    yield ""
    yield "## By phase"
    yield ""
    wires: tuple[Wire, ...] = ("plain", "tls")
    columns = [(flavour, wire) for flavour in FLAVOURS for wire in wires]
    names = [f"{flavour}, {wire.replace('tls', 'TLS')}" for flavour, wire in columns]
    yield f"| the stream is | {' | '.join(names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    for phase in dict.fromkeys(cell.phase for cell in taken):
        cells = [_pick(taken, phase=phase, flavour=one, wire=wire) for one, wire in columns]
        yield f"| {phase} | {' | '.join(map(_shown, cells))} |"
    yield ""
    yield "## By where the abort comes from"
    yield ""
    yield f"| aborted from | {' | '.join(names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    for origin in dict.fromkeys(cell.origin for cell in reversed(taken)):
        cells = [_pick(taken, origin=origin, flavour=one, wire=wire) for one, wire in columns]
        yield f"| {origin} | {' | '.join(map(_shown, cells))} |"
    yield ""
    yield "## The slowest"
    yield ""
    for cell in sorted(taken, key=lambda cell: max(taken[cell]), reverse=True)[:8]:
        yield f"- {', '.join(cell)}: {_shown(taken[cell])}"
    missed = [
        cell
        for cell, values in taken.items()
        if statistics.median(values) >= GOAL_MEDIAN or max(values) >= GOAL_LONGEST
    ]
    yield ""
    yield f"Of {len(taken)} combinations {len(missed)} miss the goal."


def main() -> None:
    """Measure, print the page and write it."""
    parser = argparse.ArgumentParser(description=f"Measures aborts, and writes {PAGE.name}.")
    parser.add_argument("--times", type=int, default=20, help="of each cell (default: 20)")
    parser.add_argument("--only", help="measure phases with this in their names, write nothing")
    arguments = parser.parse_args()
    taken: Taken = {}
    for name, phase in PHASES.items():
        if arguments.only is not None and arguments.only not in name:
            continue
        begun = time.monotonic()
        files, threads = open_files(), own_threads()
        taken.update(measure(name, phase, arguments.times))
        print(
            f"{name}: {_shown(_pick(taken, phase=name))} ms, "
            f"files {files} to {open_files()}, threads {threads} to {own_threads()}, "
            f"in {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    page = "\n".join(_lines(taken, arguments.times)) + "\n"
    print(page)
    if arguments.only is None:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
