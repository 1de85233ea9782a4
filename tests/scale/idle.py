"""What an idle stream takes, and what it costs to end one, among few and among very many.

Prints figures as JSON: `python -m tests.scale.idle blocking|asyncio STREAMS` in the root of the
project. Nothing is timed: calls of functions and bytes of Python's own are counted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Any

from typing_extensions import Self

from fal_stream import AsyncFalStream, AsyncStreamingClient, FalStream, StreamingClient
from tests.scale.limits import allow_open_files

FEW = 10
MEASURED = 200


class Cost:
    """Counts the calls of this thread in its block, and how much memory it took at its peak."""

    def __enter__(self) -> Self:
        gc.collect()
        self.calls = 0
        tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]
        sys.setprofile(self._count)
        return self

    def _count(self, frame: FrameType, event: str, _: Any) -> None:
        self.calls += event in ("call", "c_call")

    def __exit__(self, *exc_info: object) -> None:
        sys.setprofile(None)
        self.bytes = tracemalloc.get_traced_memory()[1] - self._before
        tracemalloc.stop()


def blocking(url: str, number: int) -> dict[str, float]:
    """Measure the blocking flavour."""
    figures: dict[str, float] = {}
    with StreamingClient(run_url=url, credentials="scale-id:scale-secret") as client:

        def opened() -> FalStream[Any]:
            stream = client.stream("acme/app", {"prompt": "a fox"})
            assert next(iter(stream)) == {"step": 1}
            return stream

        streams = [opened() for _ in range(FEW)]
        for kind in ("few", "many"):
            if kind == "many":
                streams += [opened() for _ in range(number - FEW)]
                figures["bytes of one"] = _size(lambda: [opened() for _ in range(MEASURED)])
            for _ in range(2):  # the first may load something
                with Cost() as closing:
                    streams.pop().close()
                with Cost() as dropping:
                    streams.pop()
                figures |= _figures(kind, closing, dropping)
    return figures


async def asynchronous(url: str, number: int) -> dict[str, float]:
    """Measure the asynchronous flavour."""
    figures: dict[str, float] = {}
    async with AsyncStreamingClient(run_url=url, credentials="scale-id:scale-secret") as client:

        async def opened() -> AsyncFalStream[Any]:
            stream = client.stream("acme/app", {"prompt": "a fox"})
            assert await anext(stream) == {"step": 1}
            return stream

        streams = [await opened() for _ in range(FEW)]
        for kind in ("few", "many"):
            if kind == "many":
                streams += [await opened() for _ in range(number - FEW)]
                gc.collect()
                tracemalloc.start()
                before = tracemalloc.get_traced_memory()[0]
                more = [await opened() for _ in range(MEASURED)]
                gc.collect()
                figures["bytes of one"] = (tracemalloc.get_traced_memory()[0] - before) / MEASURED
                tracemalloc.stop()
                streams += more
                del more
            for _ in range(2):
                with Cost() as closing:
                    await streams.pop().aclose()
                with Cost() as dropping:
                    streams.pop()
                await asyncio.sleep(0.01)
                figures |= _figures(kind, closing, dropping)
    return figures


def _size(make: Callable[[], list[Any]]) -> float:
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    made = make()
    gc.collect()
    size = (tracemalloc.get_traced_memory()[0] - before) / len(made)
    tracemalloc.stop()
    return size


def _figures(kind: str, closing: Cost, dropping: Cost) -> dict[str, float]:
    return {
        f"calls to close, {kind}": closing.calls,
        f"bytes to close, {kind}": closing.bytes,
        f"calls to drop, {kind}": dropping.calls,
        f"bytes to drop, {kind}": dropping.bytes,
    }


def main() -> None:
    """Measure."""
    flavour, number = sys.argv[1], int(sys.argv[2])
    allow_open_files()
    logging.disable(logging.CRITICAL)
    # Of streams that are dropped while they run, which is what is measured.
    warnings.simplefilter("ignore", ResourceWarning)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.scale.idle_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        if flavour == "blocking":
            figures = blocking(url, number)
        else:
            figures = asyncio.run(asynchronous(url, number))
        server.stdin.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
