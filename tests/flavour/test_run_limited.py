"""Jobs side by side: order, limit, failures, cancellation; both flavours."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

from fal_stream import StreamConnectionError
from fal_stream._async.run_limited import async_run_limited
from fal_stream._sync.run_limited import run_limited
from tests.concurrency import async_until


class Crowd:
    """Jobs that run until they are interrupted or their turn comes."""

    def __init__(self) -> None:
        self.interrupted = threading.Event()
        self.running = 0
        self.most = 0
        self.begun: list[int] = []
        self.lock = threading.Lock()

    def enter(self, number: int) -> None:
        with self.lock:
            self.begun.append(number)
            self.running += 1
            self.most = max(self.most, self.running)

    def leave(self) -> None:
        with self.lock:
            self.running -= 1


def test_blocking_results_are_in_order_and_few_run_at_once() -> None:
    crowd = Crowd()

    def job(number: int) -> int:
        crowd.enter(number)
        time.sleep(0.01 * (number % 3))
        crowd.leave()
        return number

    jobs = [partial(job, number) for number in range(20)]
    assert run_limited(jobs, 4, crowd.interrupted.set) == list(range(20))
    assert sorted(crowd.begun) == list(range(20))
    assert crowd.most <= 4
    assert run_limited([], 4, crowd.interrupted.set) == []
    assert not crowd.interrupted.is_set()


async def test_results_are_in_order_and_few_run_at_once() -> None:
    crowd = Crowd()

    async def job(number: int) -> int:
        crowd.enter(number)
        await asyncio.sleep(0.01 * (number % 3))
        crowd.leave()
        return number

    jobs = [partial(job, number) for number in range(20)]
    assert await async_run_limited(jobs, 4, crowd.interrupted.set) == list(range(20))
    assert crowd.begun == list(range(20))
    assert crowd.most == 4
    assert await async_run_limited([], 4, crowd.interrupted.set) == []


def test_a_blocking_failure_ends_the_others() -> None:
    crowd = Crowd()

    def job(number: int) -> None:
        crowd.enter(number)
        try:
            if number == 1:
                raise KeyError(number)
            if crowd.interrupted.wait(10):
                raise TimeoutError
        finally:
            crowd.leave()

    with pytest.raises(KeyError):
        run_limited([partial(job, number) for number in range(9)], 3, crowd.interrupted.set)
    assert crowd.running == 0
    assert len(crowd.begun) <= 3


async def test_a_failure_ends_the_others() -> None:
    crowd = Crowd()

    async def job(number: int) -> None:
        crowd.enter(number)
        try:
            if number == 1:
                raise KeyError(number)
            await async_until(crowd.interrupted.is_set)
            raise TimeoutError
        finally:
            crowd.leave()

    jobs = [partial(job, number) for number in range(9)]
    with pytest.raises(KeyError):
        await async_run_limited(jobs, 3, crowd.interrupted.set)
    assert crowd.running == 0
    assert len(crowd.begun) <= 3


@pytest.mark.parametrize("times", [1, 2, 8])
async def test_a_cancellation_ends_all(times: int) -> None:
    crowd = Crowd()

    async def job(number: int) -> None:
        crowd.enter(number)
        try:
            await async_until(crowd.interrupted.is_set)
            await asyncio.sleep(0.05)
        finally:
            crowd.leave()

    jobs = [partial(job, number) for number in range(9)]
    task = asyncio.create_task(async_run_limited(jobs, 3, crowd.interrupted.set))
    await async_until(lambda: crowd.running == 3)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert crowd.running == 0


def test_threads_that_can_not_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()
    start, started = threading.Thread.start, 0

    def fail_later(thread: threading.Thread) -> None:
        nonlocal started
        started += 1
        if started > 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    def job(number: int) -> None:
        crowd.enter(number)
        crowd.interrupted.wait(10)
        crowd.leave()

    monkeypatch.setattr(threading.Thread, "start", fail_later)
    with pytest.raises(StreamConnectionError, match="can't start"):
        run_limited([partial(job, number) for number in range(9)], 4, crowd.interrupted.set)
    assert crowd.running == 0
    assert len(crowd.begun) <= 2
