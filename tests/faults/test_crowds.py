"""Row 29: many at once on one client, aborted at random instants, mostly at the natural end.

The environment variable `CROWD` says how many streams nobody aborts; as many are aborted.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from typing import Any

import pytest

from fal_stream import AsyncStreamingClient, StreamingClient
from fal_stream.testing import LocalFal, Pause
from tests.seam import Job, async_until, until
from tests.sockets import open_files, own_threads

CROWD = int(os.environ.get("CROWD", "512"))
THREADS = 32
TASKS = 256
# However slow the machine (seconds).
ENOUGH = 60 + CROWD / 10
CHUNKS = list(range(6))
SCRIPT: list[object] = [step for chunk in CHUNKS for step in (chunk, Pause(0.0005))]


def delay_of(chance: random.Random, length: float) -> float:
    """Give a delay: half of them anywhere in a stream, half of them about its end."""
    if chance.random() < 0.5:
        return chance.uniform(0, length)
    return max(0.0, chance.gauss(length, length / 20))


def check_aborted(stream: Any, got: list[Any]) -> None:
    """See that a stream gave its beginning, and all of it where nobody ended it."""
    assert got == CHUNKS[: len(got)]
    assert len(got) == len(CHUNKS) or stream.signal.aborted


@pytest.mark.timeout(2 * ENOUGH)
def test_threads_that_abort_at_the_natural_end(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", SCRIPT)
    files, threads = open_files(), own_threads()
    # How long a stream takes here and now: the mean of those before.
    lengths = [0.02]

    def innocent() -> int:
        return sum(list(client.stream("acme/app")) == CHUNKS for _ in range(CROWD // THREADS))

    def victim(seed: int) -> int:
        chance = random.Random(seed)
        aborted = 0
        for _ in range(CROWD // THREADS):
            stream = client.stream("acme/app")
            timer = threading.Timer(delay_of(chance, lengths[0]), stream.abort)
            begun = time.monotonic()
            timer.start()
            check_aborted(stream, list(stream))
            if not stream.signal.aborted:
                lengths[0] += (time.monotonic() - begun - lengths[0]) / 16
            timer.join()
            aborted += stream.signal.aborted
        return aborted

    with StreamingClient(**either_fal.settings) as client:
        victims = [Job(victim, seed) for seed in range(THREADS)]
        innocents = [Job(innocent) for _ in range(THREADS)]
        assert [job.result(ENOUGH) for job in innocents] == [CROWD // THREADS] * THREADS
        assert 0 < sum(job.result(ENOUGH) for job in victims) <= CROWD
        assert client.stream("acme/app").done() == CHUNKS[-1]
    until(lambda: open_files() <= files)
    until(lambda: own_threads() <= threads)


@pytest.mark.timeout(2 * ENOUGH)
async def test_tasks_that_abort_at_the_natural_end(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", SCRIPT)
    files = open_files()
    lengths = [0.1]

    async def innocent() -> int:
        unharmed = 0
        for _ in range(CROWD // TASKS):
            unharmed += [chunk async for chunk in client.stream("acme/app")] == CHUNKS
        return unharmed

    async def victim(seed: int) -> int:
        chance = random.Random(seed)
        aborted = 0
        for _ in range(CROWD // TASKS):
            stream = client.stream("acme/app")
            loop = asyncio.get_running_loop()
            timer = loop.call_later(delay_of(chance, lengths[0]), stream.abort)
            begun = loop.time()
            check_aborted(stream, [chunk async for chunk in stream])
            if not stream.signal.aborted:
                lengths[0] += (loop.time() - begun - lengths[0]) / 16
            timer.cancel()
            aborted += stream.signal.aborted
        return aborted

    async with AsyncStreamingClient(**either_fal.settings) as client:
        innocents = [innocent() for _ in range(TASKS)]
        results = await asyncio.gather(*innocents, *[victim(seed) for seed in range(TASKS)])
        assert results[:TASKS] == [CROWD // TASKS] * TASKS
        assert 0 < sum(results[TASKS:]) <= CROWD
        assert await client.stream("acme/app").done() == CHUNKS[-1]
    await async_until(lambda: open_files() <= files)
