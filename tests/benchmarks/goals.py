"""What is to be reached, and what was; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .contenders import Flavour
from .results import FAL_CLIENT, OURS, RAW, Results, value_of
from .workloads import WORKS

__all__ = ["GOALS", "Goal", "reached"]

Figure = Callable[[Results, Flavour], float | None]

BLOCKING: Flavour = "blocking"
ASYNCIO: Flavour = "asyncio"

CPU, ONCE_OPEN = "CPU, us", "CPU once open, us"


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
    limits: Mapping[Flavour, float]
    figure: Figure
    least: bool = False
    unit: str = ""

    def row(self, runs: Mapping[str, Results]) -> str | None:
        """Write the row of a table; None if nothing was measured.

        Args:
            runs: What was measured, by how.
        """
        cells, met = [], []
        for results in runs.values():
            values: list[tuple[Flavour, float | None]] = [
                (flavour, self.figure(results, flavour)) for flavour in self.limits
            ]
            found: list[tuple[Flavour, float]] = [
                (flavour, value) for flavour, value in values if value is not None
            ]
            cells.append(", ".join(f"{flavour} {value:.2f}" for flavour, value in found) or "-")
            met += [self._is_met(flavour, value) for flavour, value in found]
        limits = " / ".join(f"{limit:g}" for limit in dict.fromkeys(self.limits.values()))
        goal = f"at {'least' if self.least else 'most'} {limits}{self.unit}"
        verdict = "yes" if all(met) else "**no**"
        return f"| {self.text} | {goal} | {' | '.join(cells)} | {verdict} |" if met else None

    def _is_met(self, flavour: Flavour, value: float) -> bool:
        limit = self.limits[flavour]
        return value >= limit if self.least else value <= limit


def _share(work: str, title: str, other: str, whose: str = "", other_work: str = "") -> Figure:
    """Compare a figure with another contender's, and perhaps on another work."""

    def figure(results: Results, flavour: Flavour) -> float | None:
        theirs_on = other_work or work
        # Of programs there is one only.
        theirs = results.get(theirs_on, other, flavour) or results.get(theirs_on, other, BLOCKING)
        mine = value_of(work, title, results.get(work, whose or OURS, flavour))
        value = value_of(theirs_on, title, theirs)
        return None if mine is None or not value else mine / value

    return figure


def _faster(work: str, title: str) -> Figure:
    def figure(results: Results, flavour: Flavour) -> float | None:
        share = _share(work, title, FAL_CLIENT)(results, flavour)
        return None if share is None else 1 / share

    return figure


def _alone(work: str, title: str) -> Figure:
    def figure(results: Results, flavour: Flavour) -> float | None:
        return value_of(work, title, results.get(work, OURS, flavour))

    return figure


def _more(work: str, than: str = "bulk-60") -> Figure:
    """Tell how much more an event costs than on another work."""

    def figure(results: Results, flavour: Flavour) -> float | None:
        mine, plain = (_alone(name, CPU)(results, flavour) for name in (work, than))
        return None if mine is None or plain is None else mine - plain

    return figure


def _both(blocking: float, asynchronous: float) -> dict[Flavour, float]:
    return {"blocking": blocking, "asyncio": asynchronous}


def _asyncio(limit: float) -> dict[Flavour, float]:
    return {"asyncio": limit}


def _title(work: str) -> str:
    title = WORKS[work].title
    return title[0].upper() + title[1:]


def _throughput() -> Iterator[Goal]:
    for work, faster, of_raw in (
        ("bulk-60", _both(9, 9), _both(1.2, 1.2)),
        ("sends-60", _both(7, 8), _both(1.3, 1.3)),
        ("mid", _both(3.5, 3.8), _both(1.3, 1.3)),
        ("big", _both(1.15, 1.35), _both(1.15, 1.15)),
        ("many", _asyncio(4), _asyncio(1.3)),
    ):
        text, figure = f"{_title(work)}: times faster than fal-client", _faster(work, CPU)
        yield Goal(text, faster, figure, least=True)
        text, figure = f"{_title(work)}: times the cost of raw", _share(work, CPU, RAW)
        yield Goal(text, of_raw, figure)
    once = f"{_title('many')}, once all are open"
    figure = _faster("many", ONCE_OPEN)
    yield Goal(f"{once}: times faster than fal-client", _asyncio(4), figure, least=True)
    figure = _share("many", ONCE_OPEN, RAW)
    yield Goal(f"{once}: times the cost of raw", _asyncio(1.3), figure)
    for work in ("bulk-60-tls", "mid-tls", "big-tls"):
        text, figure = f"{_title(work)}: times faster than fal-client", _faster(work, CPU)
        yield Goal(text, _both(2, 2), figure, least=True)
    text = f"{_title('typed')}: CPU, as a share of validating by hand"
    yield Goal(text, _both(1, 1), _share("typed", CPU, OURS, other_work="by-hand"))
    for work in ("is-final", "listener", "text"):
        text = f"{_title(work)}: CPU more than a plain event"
        yield Goal(text, _both(0.3, 0.3), _more(work), unit=" us")


def _openings() -> Iterator[Goal]:
    for work in ("first", "first-new", "first-tls", "first-new-tls"):
        of_fal_client, of_aiohttp = _share(work, CPU, FAL_CLIENT), _share(work, CPU, "aiohttp")
        text = f"{_title(work)}: CPU"
        yield Goal(f"{text}, as a share of fal-client's", _both(0.6, 0.5), of_fal_client)
        yield Goal(f"{text}, times aiohttp's", _asyncio(1.4), of_aiohttp)
    figure = _alone("first-new-tls", "first of a client, CPU, ms")
    yield Goal("The first TLS stream of a client: CPU", _both(5, 5), figure, unit=" ms")
    figure = _alone("first-new-tls", "first of a client, wall, ms")
    yield Goal("The first TLS stream of a client: wall time", _both(5, 5), figure, unit=" ms")


def _drips() -> Iterator[Goal]:
    text = f"{_title('paced-2')}: median latency, as a share of fal-client's"
    yield Goal(text, _both(1, 1), _share("paced-2", "p50, us", FAL_CLIENT))
    for milliseconds in (2, 10, 20):
        for tls in ("", "-tls"):
            work = f"paced-{milliseconds}{tls}"
            text = f"{_title(work)}: CPU, as a share of fal-client's"
            yield Goal(text, _both(0.85, 0.5), _share(work, ONCE_OPEN, FAL_CLIENT))
    figure = _share("many-paced", ONCE_OPEN, "aiohttp")
    yield Goal(f"{_title('many-paced')}: CPU, times aiohttp's", _asyncio(1.2), figure)


def _starts() -> Iterator[Goal]:
    for title, text in (("CPU, ms", "CPU"), ("wall, ms", "wall time")):
        figure = _share("import", title, "httpx, pydantic")
        others = f"{text}, times that of `import httpx, pydantic`"
        yield Goal(f"{_title('import')}: {others}", _both(1.15, 1.15), figure)
        figure = _share("cold", title, FAL_CLIENT)
        yield Goal(f"{_title('cold')}: {text}, times fal-client's", _both(1, 1), figure)
        figure = _share("command", title, "httpx script")
        others = f"{text}, times that of a script of httpx's"
        yield Goal(f"{_title('command')}: {others}", {BLOCKING: 1.2}, figure)


def _memory() -> Iterator[Goal]:
    growth = "growth of the memory, MB"
    figure = _alone("memory", growth)
    yield Goal(f"{_title('memory')}: growth of the memory", _both(9, 9), figure, unit=" MB")
    # It varies from run to run.
    figure = _share("memory-long", growth, OURS, other_work="memory")
    yield Goal(f"{_title('memory-long')}: growth, times that", _both(1.2, 1.2), figure)
    for work in ("idle-1000", "idle-10000"):
        figure = _alone(work, "memory of one, KiB")
        yield Goal(f"{_title(work)}: memory of one", _asyncio(20), figure, unit=" KiB")


def _uploads() -> Iterator[Goal]:
    figure = _share("upload", "CPU, ms", "httpx")
    yield Goal(f"{_title('upload')}: CPU, times httpx's", _both(1.3, 1.3), figure)
    for work in ("upload-delayed", "upload-parts"):
        figure = _share(work, "wall, ms", "httpx")
        yield Goal(f"{_title(work)}: wall time, times httpx's", _both(1, 1), figure)


GOALS = (
    *_throughput(),
    *_drips(),
    *_openings(),
    *_starts(),
    *_memory(),
    *_uploads(),
)


def reached(runs: Mapping[str, Results]) -> list[str]:
    """Write the table of the goals.

    Args:
        runs: What was measured, by how ("pinned"). Goals that need more are left out.

    Returns:
        Its lines; none if there is no row.
    """
    rows = [row for goal in GOALS if (row := goal.row(runs)) is not None]
    head = [
        f"| figure | goal | {' | '.join(runs)} | met |",
        f"| --- | --- |{' --- |' * len(runs)} --- |",
    ]
    return [*head, *rows] if rows else []
