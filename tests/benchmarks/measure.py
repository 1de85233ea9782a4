"""Measures the works in interleaved rounds.

Promises: each contender once in a round, the order turned by one from round to round, after a run
of each that does not count; medians. Leaves to others: processes, and how the figures are shown.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Sequence

from .contenders import Contender, Flavour
from .figures import Answer, Memory
from .processes import Place, Worker
from .results import Entry, Measured, Results
from .workloads import WORKS, Work

__all__ = ["Entrant", "measure"]

Entrant = tuple[Contender, Flavour]

# In how many processes the memory of each is measured; in one where the stream has so many events.
_FRESH_TIMES = 3
_MANY_LARGE = 100

# What a new process reads before its memory is measured.
_WARM_UP = WORKS["first"]


def measure(
    works: Sequence[Work],
    entrants: Sequence[Entrant],
    place: Place,
    rounds: int,
    scale: float = 1,
) -> Results:
    """Measure.

    Args:
        works: On what.
        entrants: Whom.
        place: The server.
        rounds: How many rounds.
        scale: The share of the events that a stream has. Default 1.

    Returns:
        The medians.
    """
    found: dict[Entry, Measured] = {}
    for tls in (False, True):
        with contextlib.ExitStack() as stack:
            workers: list[Worker] = []
            for work in works:
                if work.tls is not tls:
                    continue
                print(work.name, file=sys.stderr, flush=True)
                able = [one for one in entrants if _can(*one, work)]
                if work.kind == "memory":
                    times = 1 if work.events > _MANY_LARGE else min(rounds, _FRESH_TIMES)
                    taken = [
                        [_measure_afresh(work, one, place, scale) for _ in range(times)]
                        for one in able
                    ]
                else:
                    workers = workers or [
                        stack.enter_context(Worker(*one, place, tls=tls)) for one in entrants
                    ]
                    chosen = [one for one in workers if one.entrant in able]
                    taken = _measure_in_rounds(work, chosen, rounds, scale)
                for (contender, flavour), answers in zip(able, taken, strict=True):
                    found[Entry(work.name, contender.name, flavour)] = _middle(answers)
    return Results(found)


def _can(contender: Contender, flavour: Flavour, work: Work) -> bool:
    if work.kind == "memory":
        return Memory.is_measurable() and not (contender.keeps and work.events > _MANY_LARGE)
    return work.streams == 1 or flavour != "blocking"


def _measure_in_rounds(
    work: Work, workers: list[Worker], rounds: int, scale: float
) -> list[list[Answer]]:
    taken: dict[Worker, list[Answer]] = {worker: [] for worker in workers}
    for worker in workers:
        worker.run(work, worker.events(work, scale))
    for number in range(rounds):
        turn = number % max(1, len(workers))
        for worker in [*workers[turn:], *workers[:turn]]:
            taken[worker].append(worker.run(work, worker.events(work, scale)))
    return list(taken.values())


def _measure_afresh(work: Work, entrant: Entrant, place: Place, scale: float) -> Answer:
    """Measure in a process of its own: in one that has read much nothing would be seen."""
    with Worker(*entrant, place) as worker:
        worker.run(_WARM_UP, _WARM_UP.events)
        return worker.run(work, worker.events(work, scale))


def _middle(answers: list[Answer]) -> Measured:
    figures = {name: statistics.median(one[name] for one in answers) for name in answers[0]}
    events = int(figures.pop("events"))
    del figures["indices"]
    return Measured(events, len(answers), figures)
