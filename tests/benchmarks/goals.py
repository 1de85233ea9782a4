"""What is to be reached, and what was; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .contenders import Flavour
from .results import FAL_CLIENT, Entry, Measured, Results
from .workloads import WORKS

__all__ = ["GOALS", "Goal", "reached"]

OURS = "fal_stream"

Figure = Callable[[Results, Flavour], float | None]


@dataclass(frozen=True)
class Goal:
    """A bound of a figure.

    Attributes:
        text: What the figure is.
        limits: The bound, by flavour.
        figure: Takes it from the results; None where it wasn't measured.
        least: Whether the bound is the least that will do; else it is the most.
        unit: Of the figure.
    """

    text: str
    limits: dict[Flavour, float]
    figure: Figure
    least: bool = False
    unit: str = ""

    def row(self, results: Results) -> str | None:
        """Write the row of a table; None if nothing was measured."""
        cells, met = [], []
        for flavour, limit in self.limits.items():
            value = self.figure(results, flavour)
            if value is None:
                return None
            met.append(value >= limit if self.least else value <= limit)
            cells.append(f"{flavour} {value:.2f}")
        limits = " / ".join(f"{limit:g}" for limit in dict.fromkeys(self.limits.values()))
        goal = f"at {'least' if self.least else 'most'} {limits}{self.unit}"
        verdict = "yes" if all(met) else "**no**"
        return f"| {self.text} | {goal} | {', '.join(cells)} | {verdict} |"


def _faster(work: str, once_open: bool = False) -> Figure:
    return lambda results, flavour: results.times_faster(
        Entry(work, OURS, flavour), once_open=once_open
    )


def _of_raw(work: str, once_open: bool = False) -> Figure:
    return lambda results, flavour: results.times_raw(
        Entry(work, OURS, flavour), once_open=once_open
    )


def _beside_fal_client(work: str, value: Callable[[Measured], float]) -> Figure:
    def figure(results: Results, flavour: Flavour) -> float | None:
        ours, theirs = (results.get(work, name, flavour) for name in (OURS, FAL_CLIENT))
        return None if ours is None or theirs is None else value(ours) / value(theirs)

    return figure


def _beside(work: str, other: str) -> Figure:
    """Compare the CPU of a stream or an event with another contender's."""

    def figure(results: Results, flavour: Flavour) -> float | None:
        ours, theirs = results.get(work, OURS, flavour), results.get(work, other, flavour)
        return None if ours is None or theirs is None else ours.cost / theirs.cost

    return figure


def _first_of_a_client(results: Results, flavour: Flavour) -> float | None:
    measured = results.get("first-new-tls", OURS, flavour)
    return None if measured is None else 1e3 * measured.figures["fresh_cpu"]


def _growth(results: Results, flavour: Flavour) -> float | None:
    measured = results.get("memory", OURS, flavour)
    return None if measured is None else measured.figures["growth"] / 1e6


def _further_growth(results: Results, flavour: Flavour) -> float | None:
    short, long = (results.get(work, OURS, flavour) for work in ("memory", "memory-long"))
    if short is None or long is None:
        return None
    return long.figures["growth"] / short.figures["growth"]


def _both(blocking: float, asynchronous: float) -> dict[Flavour, float]:
    return {"blocking": blocking, "asyncio": asynchronous}


def _asyncio(limit: float) -> dict[Flavour, float]:
    return {"asyncio": limit}


def _ratios() -> Iterator[Goal]:
    for work, faster, of_raw in (
        ("bulk-60", _both(9, 9), _both(1.2, 1.2)),
        ("sends-60", _both(7, 8), _both(1.3, 1.3)),
        ("mid", _both(3.5, 3.8), _both(1.3, 1.3)),
        ("big", _both(1.15, 1.35), _both(1.15, 1.15)),
        ("many", _asyncio(4), _asyncio(1.3)),
    ):
        title = WORKS[work].title
        yield Goal(f"{title}: times faster than fal-client", faster, _faster(work), least=True)
        yield Goal(f"{title}: times the cost of the raw socket", of_raw, _of_raw(work))
    once = f"{WORKS['many'].title}, once all are open"
    figure = _faster("many", once_open=True)
    yield Goal(f"{once}: times faster than fal-client", _asyncio(4), figure, least=True)
    figure = _of_raw("many", once_open=True)
    yield Goal(f"{once}: times the cost of the raw socket", _asyncio(1.3), figure)
    for work in ("bulk-60-tls", "mid-tls", "big-tls"):
        text = f"{WORKS[work].title}: times faster than fal-client"
        yield Goal(text, _both(2, 2), _faster(work), least=True)


def _openings() -> Iterator[Goal]:
    for work in ("first", "first-new", "first-tls", "first-new-tls"):
        title = WORKS[work].title
        figure = _beside(work, FAL_CLIENT)
        yield Goal(f"{title}: CPU, as a share of fal-client's", _both(0.6, 0.5), figure)
        yield Goal(f"{title}: CPU, times aiohttp's", _asyncio(1.4), _beside(work, "aiohttp"))


GOALS = (
    *_ratios(),
    Goal(
        "An event each 2 ms: median latency, as a share of fal-client's",
        _both(1, 1),
        _beside_fal_client("paced", lambda measured: measured.figures["p50"]),
    ),
    *_openings(),
    *(
        Goal(
            f"{WORKS[work].title}: CPU, as a share of fal-client's",
            _both(0.85, 0.5),
            _beside(work, FAL_CLIENT),
        )
        for work in ("paced", "paced-10", "paced-20", "paced-tls")
    ),
    Goal(
        f"{WORKS['many-paced'].title}: CPU, times aiohttp's",
        _asyncio(1.2),
        _beside("many-paced", "aiohttp"),
    ),
    Goal("The first TLS stream of a client: CPU", _both(5, 5), _first_of_a_client, unit=" ms"),
    Goal("40 x 1 MB: growth of the memory", _both(9, 9), _growth, unit=" MB"),
    # It varies from run to run.
    Goal("1,000 x 1 MB: growth, as a share of that", _both(1.2, 1.2), _further_growth),
)


def reached(results: Results) -> list[str]:
    """Write the table of the goals.

    Args:
        results: What was measured. Goals that need more are left out.

    Returns:
        Its lines; none if there is no row.
    """
    rows = [row for goal in GOALS if (row := goal.row(results)) is not None]
    head = ["| figure | goal | reached | met |", "| --- | --- | --- | --- |"]
    return [*head, *rows] if rows else []
