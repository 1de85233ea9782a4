"""Many short streams over several worker processes, of which one is killed in the middle.

`python -m tests.scale.run --streams 10000 --workers 4` prints the figures, and fails where a
result is missing, or where an input was asked for twice without Dask having said so.
"""

# pyright: reportMissingImports=false
# (Dask is installed by `nox -s dask` only)

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distributed import Client, LocalCluster, as_completed

from fal_stream import Config
from tests.scale.work import Handed, stream_batch


@contextmanager
def served(counts: dict[int, int]) -> Iterator[str]:
    """Run the server, give its address, and in the end how often it was asked for what."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.scale.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
            out, _ = server.communicate(timeout=60)
            counts.update({int(n): count for n, count in json.loads(out).items()})
        finally:
            server.kill()


def play(streams: int, workers: int, batch: int) -> dict[str, Any]:
    """Run the streams, kill a worker when a third of them are done, and count.

    Args:
        streams: How many.
        workers: How many worker processes.
        batch: How many streams a task has.

    Returns:
        The figures.
    """
    counts: dict[int, int] = {}
    results: dict[int, Any] = {}
    killed: int | None = None
    handed = Handed()
    cluster = LocalCluster(
        n_workers=workers, threads_per_worker=2, dashboard_address=None, silence_logs=50
    )
    with served(counts) as url, cluster, Client(cluster) as client:
        client.register_plugin(handed)
        pids = client.run(os.getpid)
        config = Config(run_url=url, credentials="scale-id:scale-secret", timeout=60)
        begins = {f"short-{begin}": begin for begin in range(0, streams, batch)}
        began = time.monotonic()
        futures = [
            client.submit(
                stream_batch,
                config,
                [{"n": n} for n in range(begin, min(begin + batch, streams))],
                key=key,
                pure=False,
            )
            for key, begin in begins.items()
        ]
        for future, answers in as_completed(futures, with_results=True):
            begin = begins[future.key]
            results.update({begin + place: answer for place, answer in enumerate(answers)})
            future.release()
            if killed is None and len(results) >= streams / 3:
                killed = next(iter(pids.values()))
                os.kill(killed, signal.SIGKILL)
        took = time.monotonic() - began
        told = client.run_on_scheduler(_counts)
    twice = {n for n, count in counts.items() if count > 1}
    said = {
        begins[key] + place
        for key, count in told.items()
        if count > 1
        for place in range(batch)
        if begins[key] + place < streams
    }
    return {
        "streams": streams,
        "workers": workers,
        "batch": batch,
        "killed": killed is not None,
        "seconds": round(took, 1),
        "lost": streams - len(results),
        "wrong": sum(results[n] != {"answer": n} for n in results),
        "never asked for": streams - len(counts),
        "asked for twice": len(twice),
        "most often": max(counts.values()),
        "handed out twice": len(said),
        "twice without being said": len(twice - said),
    }


def _counts(dask_scheduler: Any) -> dict[str, int]:
    return dict(dask_scheduler.plugins["handed"].counts)


def main() -> None:
    """Run it, print the figures, and fail where something is lost or unsaid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=20)
    options = parser.parse_args()
    figures = play(options.streams, options.workers, options.batch)
    print(json.dumps(figures))
    sys.exit(any(figures[name] for name in ("lost", "wrong", "twice without being said")))


if __name__ == "__main__":
    main()
