"""Run jobs concurrently, up to a limit.

Promises: when the call returns or raises, no job is still running. The first failure is raised; the
other jobs are interrupted and waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from .._net.cancellation import async_cancellations, async_complete_despite_cancellation
from .._net.workers import AsyncJob, AsyncWorkerGroup

T = TypeVar("T")


async def async_run_limited(
    jobs: Sequence[AsyncJob[T]], limit: int, interrupt: Callable[[], None]
) -> list[T]:
    """Run some jobs, and return their results in the order of the jobs.

    Args:
        jobs: The jobs, which are started in this order.
        limit: The largest number of jobs that run at once.
        interrupt: Makes running jobs fail soon, and jobs that start later fail at once.

    Raises:
        StreamConnectionError: No thread can be started.
    """
    results: dict[int, T] = {}
    failures: list[BaseException] = []
    queue = deque(enumerate(jobs))
    workers = AsyncWorkerGroup()

    async def work() -> None:
        while queue and not failures:
            try:
                index, job = queue.popleft()
            except IndexError:  # another worker took it
                return
            try:
                results[index] = await job()
            except async_cancellations() as error:
                fail(error)
                raise
            except BaseException as error:
                fail(error)

    def fail(error: BaseException) -> None:
        failures.append(error)
        interrupt()

    def is_finished() -> bool:
        # A thread that starts late does nothing after a failure.
        return (bool(failures) or len(results) == len(jobs)) and workers.is_finished()

    try:
        for _ in range(min(limit, len(jobs))):
            workers.start(work)
        await workers.wait(is_finished)
    except BaseException as error:
        fail(error)
        workers.interrupt()
        await async_complete_despite_cancellation(workers.wait(is_finished), interrupt)
        raise
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(jobs))]
