"""What a worker of the cluster does, and what the scheduler notes of it."""

# pyright: reportMissingImports=false
# (Dask is installed by `nox -s dask` only)

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from distributed import SchedulerPlugin

from fal_stream import Config, StreamingClient


def stream_batch(config: Config, inputs: Sequence[Any]) -> list[Any]:
    """Stream some inputs side by side, and give what each of them gave, in their order."""
    with StreamingClient(config) as client:
        given = client.stream_map("acme/short", inputs, concurrency=8, ordered=True)
        return [item.get() for item in given]


class Handed(SchedulerPlugin):
    """Counts how often each task is handed to a worker."""

    name = "handed"

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        """Note what becomes of a task; called by the scheduler."""
        if finish == "processing":
            self.counts[key] += 1
