"""Work that tasks do or are kept from, both flavours side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from . import running
from .running import running_loop

T = TypeVar("T")


def async_cancellations() -> tuple[type[BaseException], ...]:
    """Give what is raised in a wait whose task was cancelled."""
    return running.cancellations()


def cancellations() -> tuple[type[BaseException], ...]:
    """Give nothing: threads are not cancelled."""
    return ()


async def async_in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function that may take long, in a thread that nobody has to wait for."""
    results: list[T] = []
    errors: list[BaseException] = []

    def begin(deliver: Callable[[None], None]) -> None:
        def run() -> None:
            try:
                results.append(function(*args))
            except BaseException as error:
                errors.append(error)
            deliver(None)

        # A daemon: one of the event loop's own could hold up the end of the program.
        threading.Thread(target=run, daemon=True, name="fal_stream-call").start()

    await running_loop().delivery(begin)
    if errors:
        raise errors[0]
    return results[0]


def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function here and now: a blocking program waits in any case."""
    return function(*args)


async def async_finish(work: Coroutine[Any, Any, T], interrupt: Callable[[], None]) -> T:
    """Do some short work to its end, also where the caller is or gets cancelled.

    Args:
        work: The work.
        interrupt: Makes the work fail soon.

    Returns:
        What the work returns.
    """
    return await running_loop().finish(work, interrupt)


def finish(work: T, interrupt: Callable[[], None]) -> T:
    """Give the result of work that a blocking program has done by now."""
    return work
