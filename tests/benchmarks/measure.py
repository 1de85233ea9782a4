"""Measures the works in interleaved rounds.

Promises: each contender once in a round, the order turned by one from round to round, after a run
of each that does not count; medians. Leaves to others: processes, and how the figures are shown.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .contenders import Contender, Flavour
from .figures import Answer
from .processes import Place, Worker
from .works import WORKS, Work

__all__ = ["Entry", "Measured", "measure"]


# What a new process reads before its memory is measured.
_WARM_UP = WORKS["first"]


@dataclass(frozen=True)
class Entry:
    """A contender in a flavour, on a work.

    Attributes:
        work: The name of the work.
        contender: The name of the contender.
        flavour: The flavour.
    """

    work: str
    contender: str
    flavour: Flavour


@dataclass(frozen=True)
class Measured:
    """What was measured of an entry.

    Attributes:
        events: How many events a run of it had.
        runs: How many counted.
        figures: The medians, by name; times in seconds, memory in bytes.
    """

    events: int
    runs: int
    figures: dict[str, float]


def measure(
    works: Sequence[Work],
    entrants: Sequence[tuple[Contender, Flavour]],
    place: Place,
    rounds: int,
    scale: float = 1,
) -> dict[Entry, Measured]:
    """Measure.

    Args:
        works: On what.
        entrants: Whom.
        place: The server.
        rounds: How many rounds.
        scale: The share of the events that a stream has.

    Returns:
        The medians.
    """
    found: dict[Entry, Measured] = {}
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(*one, place)) for one in entrants]
        for work in works:
            print(work.name, file=sys.stderr, flush=True)
            if work.kind == "memory":
                # A process that has read larger streams shows nothing.
                taken = _measure_afresh(work, entrants, place, scale)
            else:
                able = [one for one in workers if _can(one.contender, one.flavour, work)]
                taken = _measure_in_rounds(work, able, rounds, scale)
            for worker, answers in taken.items():
                entry = Entry(work.name, worker.contender.name, worker.flavour)
                figures = {
                    name: statistics.median(answer[name] for answer in answers)
                    for name in answers[0]
                    if name not in ("events", "indices")
                }
                found[entry] = Measured(int(answers[0]["events"]), len(answers), figures)
    return found


def _can(contender: Contender, flavour: Flavour, work: Work) -> bool:
    if work.kind == "memory" and work.events > 100 and contender.keeps:
        return False
    return work.streams == 1 or flavour != "blocking"


def _measure_in_rounds(
    work: Work, workers: list[Worker], rounds: int, scale: float
) -> dict[Worker, list[Answer]]:
    taken: dict[Worker, list[Answer]] = {worker: [] for worker in workers}
    for worker in workers:
        worker.run(work, worker.events(work, scale))
    for number in range(rounds):
        turn = number % max(1, len(workers))
        for worker in [*workers[turn:], *workers[:turn]]:
            taken[worker].append(worker.run(work, worker.events(work, scale)))
    return taken


def _measure_afresh(
    work: Work, entrants: Sequence[tuple[Contender, Flavour]], place: Place, scale: float
) -> dict[Worker, list[Answer]]:
    taken: dict[Worker, list[Answer]] = {}
    for contender, flavour in entrants:
        if _can(contender, flavour, work):
            with Worker(contender, flavour, place) as worker:
                worker.run(_WARM_UP, _WARM_UP.events)
                answer = worker.run(work, worker.events(work, scale))
            taken[worker] = [answer]
    return taken
