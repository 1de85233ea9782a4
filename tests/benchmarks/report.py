"""The figures as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .measure import Entry, Measured
from .works import WORKS

__all__ = ["tables"]


def tables(found: Mapping[Entry, Measured]) -> Iterator[str]:
    """Write a table for each work."""
    for name in dict.fromkeys(entry.work for entry in found):
        work = WORKS[name]
        rows = {entry: one for entry, one in found.items() if entry.work == name}
        yield f"### {work.title}"
        yield ""
        if work.kind == "throughput":
            yield from _throughput(rows)
        else:
            names = list(next(iter(rows.values())).figures)
            yield f"| contender | flavour | {' | '.join(names)} |"
            yield f"| --- | --- |{' ---: |' * len(names)}"
            for entry, one in rows.items():
                cells = " | ".join(f"{one.figures[each]:.7g}" for each in names)
                yield f"| {entry.contender} | {entry.flavour} | {cells} |"
        yield ""


def _throughput(rows: Mapping[Entry, Measured]) -> Iterator[str]:
    yield "| contender | flavour | CPU us | wall us | x fal-client cpu/wall | of raw cpu/wall |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for entry, one in rows.items():
        cpu, wall = (1e6 * one.figures[each] / one.events for each in ("cpu", "wall"))
        cells = []
        for other in ("fal-client", "raw"):
            flavour = "asyncio" if entry.flavour == "trio" else entry.flavour
            peer = rows.get(Entry(entry.work, other, flavour))
            if peer is None:
                cells.append("-")
                continue
            ratios = []
            for value, each in ((cpu, "cpu"), (wall, "wall")):
                ratio = value / (1e6 * peer.figures[each] / peer.events)
                ratios.append(1 / ratio if other == "fal-client" else ratio)
            cells.append(f"{ratios[0]:.2f} / {ratios[1]:.2f}")
        yield (
            f"| {entry.contender} | {entry.flavour} | {cpu:.2f} | {wall:.2f} | {' | '.join(cells)} |"
        )
