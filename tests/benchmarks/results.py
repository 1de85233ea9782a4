"""What was measured, and how contenders compare by it; pure.

Costs are compared before times, the processor's time for an event: it says how fast a contender is
also where the server is the slower side, and where other programs run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .contenders import Flavour
from .workloads import WORKS, Kind, Work

__all__ = [
    "FAL_CLIENT",
    "OURS",
    "RAW",
    "Column",
    "Entry",
    "Measured",
    "Results",
    "columns_of",
    "value_of",
]

OURS, FAL_CLIENT, RAW = "fal_stream", "fal-client", "raw"

# What others are compared with, and is no client.
_NO_PEERS = (OURS, RAW, "Python alone")


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
    figures: Mapping[str, float]

    @property
    def cost(self) -> float:
        """Microseconds of the processor for an event."""
        return 1e6 * self.figures["cpu"] / self.events

    @property
    def cost_once_open(self) -> float:
        """The same, without what it took to open the streams and to get their first event."""
        return 1e6 * (self.figures["cpu"] - self.figures["opening"]) / (self.events - 1)

    @property
    def wall(self) -> float:
        """Microseconds for an event."""
        return 1e6 * self.figures["wall"] / self.events

    @property
    def wall_once_open(self) -> float:
        """The same, from the first event on."""
        return 1e6 * (self.figures["wall"] - self.figures["opening_wall"]) / (self.events - 1)


@dataclass(frozen=True)
class Column:
    """A figure of a work.

    Attributes:
        title: What it is, and its unit.
        value: Takes it from what was measured; None where a runtime does not tell it.
        form: How it is written.
        compared: Whether less is better, and contenders are compared by it. Wall times are not
            where they are the server's, too.
    """

    title: str
    value: Callable[[Measured], float | None]
    form: str = ",.2f"
    compared: bool = True


def _figure(title: str, name: str, factor: float, form: str, *, compared: bool = True) -> Column:
    def value(measured: Measured) -> float | None:
        found = measured.figures.get(name)
        return None if found is None else factor * found

    return Column(title, value, form, compared)


_EVENT = Column("CPU, us", lambda measured: measured.cost)
_ONCE_OPEN = Column("CPU once open, us", lambda measured: measured.cost_once_open)
_EVENT_WALL = Column("wall, us", lambda measured: measured.wall, compared=False)
_OPEN_WALL = Column("wall once open, us", lambda measured: measured.wall_once_open, compared=False)
_P50, _P99 = _figure("p50, us", "p50", 1e6, ",.0f"), _figure("p99, us", "p99", 1e6, ",.0f")
_WALL, _CPU = _figure("wall, ms", "wall", 1e3, ",.1f"), _figure("CPU, ms", "cpu", 1e3, ",.1f")
_GROWTH = _figure("growth of the memory, MB", "growth", 1e-6, ",.1f")
_OPENING_ONE = _figure("opening one, CPU, us", "opening", 1e6, ",.0f")

# The first of each is what contenders are compared by where one figure has to do.
_COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "throughput": (_EVENT, _EVENT_WALL),
    "latency": (_ONCE_OPEN, _P50, _P99),
    "first": (
        _figure("CPU, us", "cpu", 1e6, ",.0f"),
        _figure("wall, us", "reused", 1e6, ",.0f"),
        _figure("first of a client, CPU, ms", "fresh_cpu", 1e3, ",.2f"),
        _figure("first of a client, wall, ms", "fresh", 1e3, ",.2f"),
    ),
    "memory": (_GROWTH,),
    "idle": (
        _figure("memory of one, KiB", "held", 1 / 1024, ",.1f"),
        _OPENING_ONE,
        _figure("CPU with 100 events a second, %", "busy", 100, ",.2f"),
        _P50,
        _P99,
    ),
    "upload": (_CPU, _WALL, _GROWTH),
    "start": (_WALL, _CPU),
}


def columns_of(work: Work) -> tuple[Column, ...]:
    """Give the figures of a work, the most telling first."""
    columns = _COLUMNS[work.kind]
    if work.streams == 1 or work.kind == "idle":
        return columns
    opening = _figure("opening a stream, CPU, us", "opening", 1e6 / work.streams, ",.0f")
    return (
        (*columns, opening) if work.kind == "latency" else (_ONCE_OPEN, _OPEN_WALL, opening, _EVENT)
    )


def value_of(work: str, title: str, measured: Measured | None) -> float | None:
    """Give a figure by its title; None if it was not measured."""
    column = next(column for column in columns_of(WORKS[work]) if column.title == title)
    return None if measured is None else column.value(measured)


class Results:
    """All that was measured.

    Args:
        found: By entry.
    """

    def __init__(self, found: Mapping[Entry, Measured]) -> None:
        self._found = found

    @property
    def works(self) -> list[str]:
        """The names of the works."""
        found = {entry.work for entry in self._found}
        return [name for name in WORKS if name in found]

    def rows(self, work: str) -> list[tuple[Entry, Measured]]:
        """Give what was measured on a work."""
        return [item for item in self._found.items() if item[0].work == work]

    def get(self, work: str, contender: str, flavour: Flavour) -> Measured | None:
        """Give what was measured of a contender; None if it wasn't."""
        return self._found.get(Entry(work, contender, flavour))

    def share(self, entry: Entry, other: str, column: Column) -> float | None:
        """Tell how many times another contender's figure one's is; None if it wasn't measured."""
        # Those that all are compared with don't run on trio.
        flavour: Flavour = "asyncio" if entry.flavour == "trio" else entry.flavour
        return _share(self._found.get(entry), self.get(entry.work, other, flavour), column)

    def best_peer(self, work: str, flavour: Flavour, column: Column) -> str | None:
        """Give who has the least of a figure, of those who are neither ours nor the floor."""
        flavour = "asyncio" if flavour == "trio" else flavour
        found = [
            (value, entry.contender)
            for entry, measured in self.rows(work)
            if entry.contender not in _NO_PEERS and entry.flavour == flavour
            if (value := column.value(measured)) is not None
        ]
        return min(found)[1] if found else None


def _share(mine: Measured | None, theirs: Measured | None, column: Column) -> float | None:
    if mine is None or theirs is None:
        return None
    one, other = column.value(mine), column.value(theirs)
    return None if one is None or not other else one / other
