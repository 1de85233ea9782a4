"""Does what a command says in the asynchronous flavour."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio

from .contenders import AsyncClient, Contender
from .figures import (
    FIRST_TIMES,
    OPENED_AT_ONCE,
    Answer,
    Command,
    Counter,
    Memory,
    Stopwatch,
    latency_figures,
)
from .readings import loop_for
from .workloads import BEATS, Reading

__all__ = ["AsyncRunner"]


class AsyncRunner:
    """Does what it is told, by one client for each server.

    Args:
        contender: Whose clients they are.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._clients: dict[tuple[str, Reading], AsyncClient] = {}
        self._stack = AsyncExitStack()

    async def run(self, command: Command) -> Answer:
        """Do what a command says."""
        if command["kind"] == "first":
            return await self._first(command)
        if command["kind"] == "upload":
            return await self._upload(command)
        client = await self._client(command["base"], command["reading"])
        path, streams = command["path"], command["streams"]
        counter = Counter()
        if command["kind"] == "latency":
            return await _read_paced(client, path, counter, streams)
        if command["kind"] == "idle":
            return await _idle(client, command, counter)
        loop = loop_for(command["reading"], is_async=True, by_client=self._contender.reads)
        if command["kind"] == "memory":
            memory = Memory()
            counter.add(*await loop(client(path)))
            return counter.answer(**memory.growth())
        watch = Stopwatch()
        if streams == 1:
            counter.add(*await loop(client(path)))
            return counter.answer(**watch.stop())
        async with anyio.create_task_group() as group:
            for _ in range(streams):
                group.start_soon(_read_beside, client, path, counter, watch)
        return counter.answer(**watch.stop())

    async def aclose(self) -> None:
        """Close the clients."""
        await self._stack.aclose()

    async def _client(self, base: str, reading: Reading) -> AsyncClient:
        if (base, reading) not in self._clients:
            manager = self._contender.asynchronous(base, reading)
            self._clients[base, reading] = await self._stack.enter_async_context(manager)
        return self._clients[base, reading]

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

    async def _upload(self, command: Command) -> Answer:
        async with self._contender.asynchronous_uploads(command["base"]) as upload:
            memory, watch = Memory(), Stopwatch()
            await upload(Path(command["file"]))
            return Counter(1).answer(**watch.stop(), **memory.growth())


async def _read_beside(client: AsyncClient, path: str, counter: Counter, watch: Stopwatch) -> None:
    """Read one of many streams; none has an event before all have been asked for."""
    chunks: Any = aiter(client(path))
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
        events = indices = 0
        async for chunk in client(path):
            if events:
                latencies.append(time.monotonic_ns() - chunk["sent"])
            else:
                watch.note_opening()
            events += 1
            indices += chunk["index"]
        counter.add(events, indices)

    if streams == 1:
        await read()
    else:
        async with anyio.create_task_group() as group:
            for _ in range(streams):
                group.start_soon(read)
    return counter.answer(**watch.stop(), **latency_figures(latencies))


async def _idle(client: AsyncClient, command: Command, counter: Counter) -> Answer:
    """Have many streams that wait for an event, and see what some have to wait that get theirs."""
    streams = command["streams"]
    limiter = asyncio.Semaphore(OPENED_AT_ONCE)
    are_open = asyncio.Event()

    async def wait() -> None:
        await limiter.acquire()
        async for chunk in client(command["path"]):
            limiter.release()
            counter.add(1, chunk["index"])
            if counter.events == streams:
                are_open.set()

    memory, watch = Memory(), Stopwatch()
    tasks = [asyncio.create_task(wait()) for _ in range(streams)]
    for task in tasks:
        task.add_done_callback(lambda _: are_open.set())  # it failed: what has come is too little
    await are_open.wait()
    opening = watch.stop()["cpu"] / streams
    held = memory.held() / streams
    beats = await _read_paced(client, command["beats"], Counter(), BEATS.streams)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    busy = (beats["cpu"] - beats["opening"]) / beats["wall"]
    return counter.answer(opening=opening, held=held, busy=busy, p50=beats["p50"], p99=beats["p99"])
