"""Row 29: many at once on one client, aborted at random instants, mostly at the natural end.

The environment variable `CROWD` says how many streams nobody aborts; as many are aborted. Without
it there are fewer on trio, where the same code is played a second time.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from fal_stream import AsyncStreamingClient, FalStreamError, StreamingClient
from fal_stream.testing import LocalFal, Pause
from tests.concurrency import Job, async_until, until
from tests.sockets import open_files, own_threads

CROWD = int(os.environ.get("CROWD", "512"))
CROWD_ON_TRIO = int(os.environ.get("CROWD", "256"))
THREADS = 32
TASKS = 256
# However slow the machine (seconds).
ENOUGH = 60 + CROWD / 10
CHUNKS = list(range(6))
SCRIPT: list[object] = [step for chunk in CHUNKS for step in (chunk, Pause(0.0005))]


class Pace:
    """How long a stream takes here and now: the mean of late of those that nobody aborts.

    Of those that may be aborted only the short ones reach their ends.

    Attributes:
        mean: Seconds; 0 until there is one.
    """

    def __init__(self) -> None:
        self.mean = 0.0

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Take the time of a stream."""
        begun = time.monotonic()
        try:
            yield
        finally:
            taken = time.monotonic() - begun
            self.mean = self.mean + (taken - self.mean) / 16 if self.mean else taken

    def delay(self, chance: random.Random) -> float:
        """Give a delay: half of them anywhere in a stream, half of them about its end."""
        if chance.random() < 0.5:
            return chance.uniform(0, self.mean)
        return max(0.0, chance.gauss(self.mean, self.mean / 20))


class Harms:
    """What was done to streams that it should not have been, all of it: one may have company.

    Args:
        fal: The server, which knows of each request how it ended.
    """

    def __init__(self, fal: LocalFal) -> None:
        self._fal = fal
        self._begun = time.monotonic()
        self.found: list[str] = []

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error of a stream, and what the server saw of it, and go on."""
        try:
            yield
        except (AssertionError, FalStreamError) as error:
            request_id = getattr(error, "request_id", None)
            ended = [
                "it was played to its end" if request.finished.is_set() else "it was not"
                for request in self._fal.requests
                if request.request_id == request_id
            ]
            after = time.monotonic() - self._begun
            self.found.append(f"after {after:.1f} s: {error!r}, {error}; {ended}")


def check_aborted(stream: Any, got: list[Any]) -> None:
    """See that a stream gave its beginning, and all of it where nobody ended it."""
    assert got == CHUNKS[: len(got)]
    assert len(got) == len(CHUNKS) or stream.signal.aborted


@pytest.mark.timeout(2 * ENOUGH)
def test_threads_that_abort_at_the_natural_end(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", SCRIPT)
    files, threads = open_files(), own_threads()
    pace, harms = Pace(), Harms(either_fal)
    aborted: list[bool] = []

    def innocent() -> None:
        for _ in range(CROWD // THREADS):
            stream = client.stream("acme/app")
            with harms.noted(), pace.kept():
                assert list(stream) == CHUNKS

    def victim(seed: int) -> None:
        chance = random.Random(seed)
        while not pace.mean:
            time.sleep(0.01)
        for _ in range(CROWD // THREADS):
            stream = client.stream("acme/app")
            timer = threading.Timer(pace.delay(chance), stream.abort)
            timer.start()
            with harms.noted():
                check_aborted(stream, list(stream))
            timer.join()
            aborted.append(stream.signal.aborted)

    with StreamingClient(**either_fal.settings) as client:
        jobs = [Job(victim, seed) for seed in range(THREADS)]
        jobs += [Job(innocent) for _ in range(THREADS)]
        for job in jobs:
            job.result(ENOUGH)
        assert harms.found == []
        assert len(aborted) == CROWD // THREADS * THREADS
        assert any(aborted)
        assert client.stream("acme/app").done() == CHUNKS[-1]
    until(lambda: open_files() <= files)
    until(lambda: own_threads() <= threads)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.timeout(2 * ENOUGH)
async def test_tasks_that_abort_at_the_natural_end(
    either_fal: LocalFal, anyio_backend: str
) -> None:
    each = (CROWD_ON_TRIO if anyio_backend == "trio" else CROWD) // TASKS
    either_fal.add("acme/app", SCRIPT)
    files = open_files()
    pace, harms = Pace(), Harms(either_fal)
    aborted: list[bool] = []

    async def innocent() -> None:
        for _ in range(each):
            stream = client.stream("acme/app")
            with harms.noted(), pace.kept():
                assert [chunk async for chunk in stream] == CHUNKS

    async def abort(stream: Any, delay: float) -> None:
        await anyio.sleep(delay)
        stream.abort()

    async def victim(seed: int) -> None:
        chance = random.Random(seed)
        while not pace.mean:
            await anyio.sleep(0.01)
        for _ in range(each):
            stream = client.stream("acme/app")
            async with anyio.create_task_group() as group:
                group.start_soon(abort, stream, pace.delay(chance))
                with harms.noted():
                    check_aborted(stream, [chunk async for chunk in stream])
                group.cancel_scope.cancel()
            aborted.append(stream.signal.aborted)

    async with AsyncStreamingClient(**either_fal.settings) as client:
        async with anyio.create_task_group() as group:
            for seed in range(TASKS):
                group.start_soon(innocent)
                group.start_soon(victim, seed)
        assert harms.found == []
        assert len(aborted) == each * TASKS
        assert any(aborted)
        assert await client.stream("acme/app").done() == CHUNKS[-1]
    await async_until(lambda: open_files() <= files)
