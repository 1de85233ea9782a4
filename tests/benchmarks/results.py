"""What was measured, and how contenders compare by it; pure.

Costs are compared, the processor's time for an event: it says how fast a contender is also where
the server is the slower side, and where other programs run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .contenders import Flavour
from .workloads import WORKS

__all__ = ["FAL_CLIENT", "RAW", "Entry", "Measured", "Results"]

FAL_CLIENT, RAW = "fal-client", "raw"


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
        """The same, without what it took to open the streams."""
        return 1e6 * (self.figures["cpu"] - self.figures.get("opening", 0)) / self.events

    @property
    def wall(self) -> float:
        """Microseconds for an event."""
        return 1e6 * self.figures["wall"] / self.events


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

    def times_faster(self, entry: Entry, *, once_open: bool = False) -> float | None:
        """Tell how many times an event costs fal-client what it costs a contender."""
        share = self._share(entry, FAL_CLIENT, once_open)
        return None if share is None else 1 / share

    def times_raw(self, entry: Entry, *, once_open: bool = False) -> float | None:
        """Tell how many times an event costs a contender what it costs the raw socket."""
        return self._share(entry, RAW, once_open)

    def _share(self, entry: Entry, other: str, once_open: bool) -> float | None:
        # Neither of those that all are compared with runs on trio.
        flavour: Flavour = "asyncio" if entry.flavour == "trio" else entry.flavour
        mine, theirs = self._found.get(entry), self.get(entry.work, other, flavour)
        if mine is None or theirs is None or WORKS[entry.work].kind == "memory":
            return None
        if once_open:
            return mine.cost_once_open / theirs.cost_once_open
        return mine.cost / theirs.cost
