"""Measures the works in interleaved rounds.

Promises: each contender once in a round, the order turned by one from round to round, after a run
of each that does not count; medians. Leaves to others: processes, and how the figures are shown.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from tests.scale.limits import most_open_files

from .contenders import Contender, Flavour
from .figures import Answer, Memory
from .processes import Place, Worker
from .results import Entry, Measured, Results
from .starts import Taken, measure_starts
from .workloads import WORKS, Work

__all__ = ["Entrant", "can", "measure"]

Entrant = tuple[Contender, Flavour]

# What is measured in a new process each time; once only where a stream has so many events.
AFRESH = ("memory", "idle")
_MANY_LARGE = 100

# What a new process reads before its memory is measured.
_WARM_UP = WORKS["first"]


def measure(
    works: Sequence[Work],
    entrants: Sequence[Entrant],
    place: Place,
    rounds: int,
    scale: float = 1,
    failures: list[str] | None = None,
) -> Results:
    """Measure.

    Args:
        works: On what.
        entrants: Whom.
        place: The server.
        rounds: How many rounds.
        scale: The share of the events that a stream has. Default 1.
        failures: Takes why a work was not measured. Default None: that ends everything.

    Returns:
        The medians.

    Raises:
        SystemExit: A contender lost something, or ended.
    """
    found: dict[Entry, Measured] = {}
    for tls, delayed in ((False, False), (True, False), (False, True)):
        chosen = [work for work in works if (work.tls, work.delayed) == (tls, delayed)]
        with contextlib.ExitStack() as stack:
            workers: dict[Entrant, Worker] = {}
            for work in chosen:
                how = "" if place.pinned else ", not pinned"
                print(f"{time.strftime('%X')} {work.name}{how}", file=sys.stderr, flush=True)
                try:
                    taken = _taken(work.scaled(scale), entrants, workers, stack, place, rounds)
                except SystemExit as error:
                    if failures is None:
                        raise
                    failures.append(f"{work.title} was not measured: {error}.")
                    # Whoever was asked may still answer: others are asked from here on.
                    workers.clear()
                    continue
                for (name, flavour), answers in taken.items():
                    found[Entry(work.name, name, flavour)] = _middle(answers)
    return Results(found)


def can(contender: Contender, flavour: Flavour, work: Work) -> bool:
    """Tell whether a contender is measured on a work, in a flavour and on this system."""
    if work.kind in ("memory", "idle", "upload") and not Memory.is_measurable():
        return False
    if work.kind == "memory" and contender.keeps and work.events > _MANY_LARGE:
        return False
    if work.kind == "idle" and most_open_files() < work.streams + 1_000:
        return False
    return contender.can(flavour, work)


def _taken(
    work: Work,
    entrants: Sequence[Entrant],
    workers: dict[Entrant, Worker],
    stack: contextlib.ExitStack,
    place: Place,
    rounds: int,
) -> Taken:
    if work.kind == "start":
        return measure_starts(work, place, rounds)
    able = [one for one in entrants if can(*one, work)]
    taken: Taken = {(one.name, flavour): [] for one, flavour in able}
    if work.kind not in AFRESH:
        for one in able:
            if one not in workers:
                worker = Worker(*one, place, tls=work.tls, delayed=work.delayed)
                workers[one] = stack.enter_context(worker)
            workers[one].run(work)
    elif work.events > _MANY_LARGE:
        rounds = 1
    for number in range(rounds):
        turn = number % max(1, len(able))
        for one in [*able[turn:], *able[:turn]]:
            run = _run_afresh(one, place) if work.kind in AFRESH else workers[one].run
            taken[one[0].name, one[1]].append(run(work))
    return taken


def _run_afresh(entrant: Entrant, place: Place) -> Callable[[Work], Answer]:
    """Measure in a process of its own: in one that has read much nothing would be seen."""

    def run(work: Work) -> Answer:
        with Worker(*entrant, place) as worker:
            worker.run(_WARM_UP)
            return worker.run(work)

    return run


def _middle(answers: list[Answer]) -> Measured:
    figures = {name: statistics.median(one[name] for one in answers) for name in answers[0]}
    events = int(figures.pop("events"))
    del figures["indices"]
    return Measured(events, len(answers), figures)
