"""Reads the streams of a command in the blocking flavour."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

from .contenders import Client, Contender
from .figures import FIRST_TIMES, Answer, Command, Counter, Memory, Stopwatch, percentile

__all__ = ["BlockingRunner"]


class BlockingRunner:
    """Does what it is told, by one client for each server.

    Args:
        contender: Whose clients they are.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._clients: dict[str, Client] = {}
        self._stack = ExitStack()

    def run(self, command: Command) -> Answer:
        """Do what a command says."""
        if command["kind"] == "first":
            return self._first(command)
        client = self._client(command["base"])
        path = command["path"]
        counter = Counter()
        if command["kind"] == "latency":
            return _read_paced(client, path, counter)
        if command["kind"] == "memory":
            memory = Memory()
            _read(client, path, counter)
            return counter.answer(**memory.growth())
        watch = Stopwatch()
        _read(client, path, counter)
        return counter.answer(**watch.stop())

    def close(self) -> None:
        """Close the clients."""
        self._stack.close()

    def _client(self, base: str) -> Client:
        if base not in self._clients:
            self._clients[base] = self._stack.enter_context(self._contender.blocking(base))
        return self._clients[base]

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


def _read(client: Client, path: str, counter: Counter) -> None:
    events = indices = 0
    for chunk in client(path):
        events += 1
        indices += chunk["index"]
    counter.add(events, indices)


def _read_first(client: Client, path: str, counter: Counter) -> float:
    at = 0.0
    for chunk in client(path):
        at = at or time.perf_counter()
        counter.add(1, chunk["index"])
    return at


def _read_paced(client: Client, path: str, counter: Counter) -> Answer:
    latencies: list[int] = []
    watch = Stopwatch()
    for chunk in client(path):
        latencies.append(time.monotonic_ns() - chunk["sent"])
        counter.add(1, chunk["index"])
    figures = watch.stop()
    middle, high = (percentile(latencies, share) / 1e9 for share in (0.5, 0.99))
    return counter.answer(p50=middle, p99=high, **figures)
