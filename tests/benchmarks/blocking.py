"""Does what a command says in the blocking flavour."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .contenders import Client, Contender
from .figures import (
    FIRST_TIMES,
    Answer,
    Command,
    Counter,
    Memory,
    Stopwatch,
    latency_figures,
)
from .readings import loop_for
from .workloads import Reading

__all__ = ["BlockingRunner"]


class BlockingRunner:
    """Does what it is told, by one client for each server.

    Args:
        contender: Whose clients they are.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._clients: dict[tuple[str, Reading], Client] = {}
        self._stack = ExitStack()

    def run(self, command: Command) -> Answer:
        """Do what a command says."""
        if command["kind"] == "first":
            return self._first(command)
        if command["kind"] == "upload":
            return self._upload(command)
        client = self._client(command["base"], command["reading"])
        path, streams = command["path"], command["streams"]
        counter = Counter()
        if command["kind"] == "latency":
            return _read_paced(client, path, counter, streams)
        loop = loop_for(command["reading"], is_async=False, by_client=self._contender.reads)
        if command["kind"] == "memory":
            memory = Memory()
            counter.add(*loop(client(path)))
            return counter.answer(**memory.growth())
        watch = Stopwatch()
        if streams == 1:
            counter.add(*loop(client(path)))
        else:
            _in_threads(streams, lambda: _read_beside(client, path, counter, watch))
        return counter.answer(**watch.stop())

    def close(self) -> None:
        """Close the clients."""
        self._stack.close()

    def _client(self, base: str, reading: Reading) -> Client:
        if (base, reading) not in self._clients:
            manager = self._contender.blocking(base, reading)
            self._clients[base, reading] = self._stack.enter_context(manager)
        return self._clients[base, reading]

    def _first(self, command: Command) -> Answer:
        fresh, reused, counter = 0.0, list[float](), Counter()
        first = Stopwatch()
        begin = time.perf_counter()
        with self._contender.blocking(command["base"]) as client:
            fresh = _read_first(client, command["path"], counter) - begin
            fresh_cpu = first.stop()["cpu"]
            watch = Stopwatch()
            for _ in range(FIRST_TIMES):
                begin = time.perf_counter()
                reused.append(_read_first(client, command["path"], Counter()) - begin)
            cpu = watch.stop()["cpu"] / FIRST_TIMES
        return counter.answer(
            fresh=fresh, fresh_cpu=fresh_cpu, reused=statistics.median(reused), cpu=cpu
        )

    def _upload(self, command: Command) -> Answer:
        with self._contender.blocking_uploads(command["base"]) as upload:
            memory, watch = Memory(), Stopwatch()
            upload(Path(command["file"]))
            return Counter(1).answer(**watch.stop(), **memory.growth())


def _in_threads(number: int, function: Callable[[], None]) -> None:
    threads = [threading.Thread(target=function) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _read_beside(client: Client, path: str, counter: Counter, watch: Stopwatch) -> None:
    """Read one of many streams; none has an event before all have been asked for."""
    chunks: Any = iter(client(path))
    indices = next(chunks)["index"]
    watch.note_opening()
    events = 1
    for chunk in chunks:
        events += 1
        indices += chunk["index"]
    counter.add(events, indices)


def _read_first(client: Client, path: str, counter: Counter) -> float:
    at = 0.0
    for chunk in client(path):
        at = at or time.perf_counter()
        counter.add(1, chunk["index"])
    return at


def _read_paced(client: Client, path: str, counter: Counter, streams: int) -> Answer:
    latencies: list[int] = []
    watch = Stopwatch()

    def read() -> None:
        events = indices = 0
        for chunk in client(path):
            if events:
                latencies.append(time.monotonic_ns() - chunk["sent"])
            else:
                watch.note_opening()
            events += 1
            indices += chunk["index"]
        counter.add(events, indices)

    if streams == 1:
        read()
    else:
        _in_threads(streams, read)
    return counter.answer(**watch.stop(), **latency_figures(latencies))
