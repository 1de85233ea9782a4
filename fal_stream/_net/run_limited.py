"""Run jobs concurrently, up to a limit, both flavours side by side.

Promises: when the call returns, however it ends, nothing is still running. The first failure is
raised; the other jobs are interrupted and waited for.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from .compat import MAX_WAIT_SLICE
from .loops import cancellations, running_loop
from .threads import start_named_thread

T = TypeVar("T")


async def async_run_limited(
    jobs: Sequence[Callable[[], Coroutine[Any, Any, T]]],
    limit: int,
    interrupt: Callable[[], None],
) -> list[T]:
    """Do some jobs.

    Args:
        jobs: The jobs; they are begun in this order.
        limit: How many run at once at most.
        interrupt: Makes the jobs that run fail soon, and those that begin later at once.

    Returns:
        Their results, in the order of the jobs.
    """
    results: dict[int, T] = {}
    failures: list[BaseException] = []
    queue = iter(enumerate(jobs))

    async def work() -> None:
        for index, job in queue:
            if failures:
                return
            try:
                results[index] = await job()
            except cancellations():
                interrupt()
                raise
            except BaseException as error:
                failures.append(error)
                interrupt()
                return

    await running_loop().gather([work] * min(limit, len(jobs)), interrupt)
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(jobs))]


def run_limited(
    jobs: Sequence[Callable[[], T]], limit: int, interrupt: Callable[[], None]
) -> list[T]:
    """Do some jobs.

    Args:
        jobs: The jobs; they are begun in this order.
        limit: How many run at once at most.
        interrupt: Makes the jobs that run fail soon, and those that begin later at once.

    Returns:
        Their results, in the order of the jobs.
    """
    results: dict[int, T] = {}
    failures: list[BaseException] = []
    queue = deque(enumerate(jobs))

    def work() -> None:
        while queue and not failures:
            try:
                index, job = queue.popleft()
            except IndexError:
                return
            try:
                results[index] = job()
            except BaseException as error:
                failures.append(error)
                interrupt()
                return

    threads = [
        threading.Thread(
            target=contextvars.copy_context().run, args=[work], daemon=True, name="fal_stream-job"
        )
        for _ in range(min(limit, len(jobs)))
    ]
    try:
        for thread in threads:
            start_named_thread(thread)
        _join(threads)
    except BaseException as error:
        failures.append(error)
        interrupt()
        _join(threads)
        raise
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(jobs))]


def _join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        # On Windows, Ctrl-C can't interrupt a wait without a timeout. A thread that could not be
        # started is not alive.
        while thread.is_alive():
            thread.join(MAX_WAIT_SLICE)
