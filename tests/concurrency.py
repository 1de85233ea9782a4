"""What the tests of the core need of a flavour, both flavours side by side.

A test is written with the `async_` names; its generated twin uses the others.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import anyio
import sniffio
import trio

T = TypeVar("T")

# How long a job may take before a test gives it up as hanging (seconds).
HANG = 20.0


class AsyncJob(Generic[T]):
    """A coroutine function that runs beside the test, in a task of its own."""

    def __init__(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> None:
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._over = anyio.Event()

        async def run() -> None:
            try:
                self._results.append(await function(*args))
            except BaseException as error:
                self._error = error
            finally:
                self._over.set()

        if sniffio.current_async_library() == "trio":
            trio.lowlevel.spawn_system_task(run)
        else:
            self._task = asyncio.ensure_future(run())

    async def result(self) -> T:
        """Wait for its result, or raise what it raised."""
        with anyio.fail_after(HANG):
            await self._over.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return not self._over.is_set()


class Job(Generic[T]):
    """A function that runs beside the test, in a thread of its own."""

    def __init__(self, function: Callable[..., T], *args: Any) -> None:
        self._results: list[T] = []
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._results.append(function(*args))
            except BaseException as error:
                self._error = error

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def result(self, seconds: float = HANG) -> T:
        """Wait for its result for so many seconds at most, or raise what it raised."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise TimeoutError("the job hangs")
        if self._error is not None:
            raise self._error
        return self._results[0]

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()


async def async_sleep(seconds: float) -> None:
    """Let others run for some seconds."""
    await anyio.sleep(seconds)


def sleep(seconds: float) -> None:
    """Let others run for some seconds."""
    time.sleep(seconds)


async def async_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        await anyio.sleep(0.005)


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.005)
