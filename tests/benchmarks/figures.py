"""What a worker is told and what it answers, and the clocks and counters that it asks.

Promises: one form for all contenders, JavaScript's too (`contenders/javascript.mjs`), as lines of
JSON. Leaves to others: reading streams (`blocking`, `asynchronous`).
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from .workloads import Work

__all__ = [
    "FIRST_TIMES",
    "Answer",
    "Command",
    "Counter",
    "Memory",
    "Stopwatch",
    "command_for",
    "percentile",
]

# How often the first event is waited for by a client that has been used.
FIRST_TIMES = 50


class Command(TypedDict):
    """What a worker is to do.

    Attributes:
        kind: The kind of the work.
        base: The address of the server.
        path: The path of the streams.
        streams: How many run at once.
    """

    kind: str
    base: str
    path: str
    streams: int


def command_for(work: Work, base: str, events: int) -> Command:
    """Make a command.

    Args:
        work: What is to be read.
        base: The address of the server.
        events: How many events each stream has.

    Returns:
        The command.
    """
    return {
        "kind": work.kind,
        "base": base,
        "path": work.path(events),
        "streams": work.streams,
    }


# Names of figures, and their values; "events" and "indices" are checked.
Answer = dict[str, float]


@dataclass(slots=True)
class Counter:
    """What has come.

    Attributes:
        events: How many events.
        indices: The sum of their indices.
    """

    events: int = 0
    indices: int = 0

    def add(self, events: int, indices: int) -> None:
        """Add what a stream gave."""
        self.events += events
        self.indices += indices

    def answer(self, **figures: float) -> Answer:
        """Say what has come, with other figures."""
        return {"events": self.events, "indices": self.indices, **figures}


class Stopwatch:
    """Measures from its making on."""

    def __init__(self) -> None:
        gc.collect()
        self._opening: dict[str, float] = {}
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def note_opening(self) -> None:
        """Note, when it is first called, the seconds of the processor until the first event."""
        if not self._opening:
            self._opening["opening"] = time.process_time() - self._cpu

    def stop(self) -> dict[str, float]:
        """Give the seconds that have passed, and those of the processor that the process took."""
        wall = time.perf_counter() - self._wall
        return {"wall": wall, "cpu": time.process_time() - self._cpu, **self._opening}


class Memory:
    """Measures how far the peak of the memory in use rises over what is in use at its making."""

    _RESET = Path("/proc/self/clear_refs")

    @classmethod
    def is_measurable(cls) -> bool:
        """Tell whether the system counts it: Linux does."""
        return cls._RESET.exists()

    def __init__(self) -> None:
        gc.collect()
        self._RESET.write_text("5")  # from here on the peak is counted anew
        self._before = self._read("VmRSS")

    def growth(self) -> dict[str, float]:
        """Give the bytes by which it has risen."""
        return {"growth": self._read("VmHWM") - self._before}

    def _read(self, name: str) -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
        raise LookupError(name)


def percentile(values: list[Any], share: float) -> float:
    """Give the value that a share of all does not exceed."""
    return float(sorted(values)[min(len(values) - 1, int(share * len(values)))])
