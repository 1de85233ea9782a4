"""What a worker is told and what it answers, and the clocks and counters that it asks.

Promises: one form for all contenders, JavaScript's too (`contenders/javascript.mjs`), as lines of
JSON. Leaves to others: reading streams (`blocking`, `asynchronous`).
"""

from __future__ import annotations

import gc
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from .workloads import BEATS, Kind, Reading, Work

__all__ = [
    "FIRST_TIMES",
    "OPENED_AT_ONCE",
    "Answer",
    "Command",
    "Counter",
    "Memory",
    "Stopwatch",
    "command_for",
    "latency_figures",
    "percentile",
]

# How often the first event is waited for by a client that has been used.
FIRST_TIMES = 40

# How many of many idle streams are opened at once.
OPENED_AT_ONCE = 20


class Command(TypedDict):
    """What a worker is to do.

    Attributes:
        kind: The kind of the work.
        base: The address of the server.
        path: The path of the streams.
        streams: How many run at once.
        reading: What is asked of them.
        beats: The path of those that have events while others are idle.
        file: The file that is uploaded.
    """

    kind: Kind
    base: str
    path: str
    streams: int
    reading: Reading
    beats: str
    file: str


def command_for(work: Work, base: str, events: int, folder: Path) -> Command:
    """Make a command.

    Args:
        work: What is to be read.
        base: The address of the server.
        events: How many events each stream has.
        folder: Where files that are uploaded are.

    Returns:
        The command.
    """
    return {
        "kind": work.kind,
        "base": base,
        "path": work.path(events),
        "streams": work.streams,
        "reading": work.reading,
        "beats": BEATS.path(BEATS.events),
        "file": str(_file_of(work, folder)) if work.kind == "upload" else "",
    }


def _file_of(work: Work, folder: Path) -> Path:
    path = folder / f"{work.size}.bin"
    if not path.exists():
        path.write_bytes(bytes(range(256)) * (work.size // 256) + bytes(work.size % 256))
    return path


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
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, events: int, indices: int) -> None:
        """Add what a stream gave; it may be called by several threads."""
        with self._lock:
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
        """Note, when it is first called, the seconds until the first event, as of `stop`."""
        if not self._opening:
            self._opening = {
                "opening": time.process_time() - self._cpu,
                "opening_wall": time.perf_counter() - self._wall,
            }

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

    def held(self) -> float:
        """Give by how many bytes what is in use has grown."""
        return self._read("VmRSS") - self._before

    def _read(self, name: str) -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
        raise LookupError(name)


def percentile(values: list[Any], share: float) -> float:
    """Give the value that a share of all does not exceed."""
    return float(sorted(values)[min(len(values) - 1, int(share * len(values)))])


def latency_figures(latencies: list[int]) -> dict[str, float]:
    """Give the median and the 99th percentile of nanoseconds, in seconds."""
    return {"p50": percentile(latencies, 0.5) / 1e9, "p99": percentile(latencies, 0.99) / 1e9}
