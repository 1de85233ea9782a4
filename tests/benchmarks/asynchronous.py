"""Reads the streams of a command in the asynchronous flavour."""

from __future__ import annotations

import statistics
import time
from contextlib import AsyncExitStack

import anyio

from .contenders import AsyncClient, Contender
from .figures import FIRST_TIMES, Answer, Command, Counter, Memory, Stopwatch, percentile

__all__ = ["AsyncRunner"]


class AsyncRunner:
    """Does what it is told, by one client for each server.

    Args:
        contender: Whose clients they are.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._clients: dict[str, AsyncClient] = {}
        self._stack = AsyncExitStack()

    async def run(self, command: Command) -> Answer:
        """Do what a command says."""
        if command["kind"] == "first":
            return await self._first(command)
        client = await self._client(command["base"])
        path = command["path"]
        counter = Counter()
        if command["kind"] == "latency":
            return await _read_paced(client, path, counter, command["streams"])
        if command["kind"] == "memory":
            memory = Memory()
            await _read(client, path, counter)
            return counter.answer(**memory.growth())
        watch = Stopwatch()
        if command["streams"] == 1:
            await _read(client, path, counter)
            return counter.answer(**watch.stop())
        async with anyio.create_task_group() as group:
            for _ in range(command["streams"]):
                group.start_soon(_read_beside, client, path, counter, watch)
        return counter.answer(**watch.stop())

    async def aclose(self) -> None:
        """Close the clients."""
        await self._stack.aclose()

    async def _client(self, base: str) -> AsyncClient:
        if base not in self._clients:
            manager = self._contender.asynchronous(base)
            self._clients[base] = await self._stack.enter_async_context(manager)
        return self._clients[base]

    async def _first(self, command: Command) -> Answer:
        fresh, reused, counter = 0.0, list[float](), Counter()
        first = Stopwatch()
        begin = time.perf_counter()
        async with self._contender.asynchronous(command["base"]) as client:
            fresh = await _read_first(client, command["path"], counter) - begin
            fresh_cpu = first.stop()["cpu"]
            watch = Stopwatch()
            for _ in range(FIRST_TIMES):
                begin = time.perf_counter()
                reused.append(await _read_first(client, command["path"], Counter()) - begin)
            cpu = watch.stop()["cpu"] / FIRST_TIMES
        return counter.answer(
            fresh=fresh, fresh_cpu=fresh_cpu, reused=statistics.median(reused), cpu=cpu
        )


async def _read(client: AsyncClient, path: str, counter: Counter) -> None:
    events = indices = 0
    async for chunk in client(path):
        events += 1
        indices += chunk["index"]
    counter.add(events, indices)


async def _read_beside(client: AsyncClient, path: str, counter: Counter, watch: Stopwatch) -> None:
    """Read one of many streams; none has an event before all have been asked for."""
    chunks = aiter(client(path))
    indices = (await anext(chunks))["index"]
    watch.note_opening()
    events = 1
    async for chunk in chunks:
        events += 1
        indices += chunk["index"]
    counter.add(events, indices)


async def _read_first(client: AsyncClient, path: str, counter: Counter) -> float:
    at = 0.0
    async for chunk in client(path):
        at = at or time.perf_counter()
        counter.add(1, chunk["index"])
    return at


async def _read_paced(client: AsyncClient, path: str, counter: Counter, streams: int) -> Answer:
    latencies: list[int] = []
    watch = Stopwatch()

    async def read() -> None:
        async for chunk in client(path):
            latencies.append(time.monotonic_ns() - chunk["sent"])
            counter.add(1, chunk["index"])

    async with anyio.create_task_group() as group:
        for _ in range(streams):
            group.start_soon(read)
    figures = watch.stop()
    middle, high = (percentile(latencies, share) / 1e9 for share in (0.5, 0.99))
    return counter.answer(p50=middle, p99=high, **figures)
