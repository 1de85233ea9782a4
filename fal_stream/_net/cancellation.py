"""Detect cancellation, complete work despite it, and run blocking calls in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from . import loops
from .loops import running_loop
from .threads import start_named_thread

T = TypeVar("T")


def async_cancellations() -> tuple[type[BaseException], ...]:
    """Return what is raised in a wait whose task was cancelled."""
    return loops.cancellations()


def cancellations() -> tuple[type[BaseException], ...]:
    """Return nothing: threads are not cancelled."""
    return ()


def async_is_interruption(error: BaseException | None) -> bool:
    """Return whether an exception, or each one in a group, says that a task is to end.

    Args:
        error: The exception, a cancellation or that of Ctrl-C for one, or None.
    """
    return _is_of(error, (*loops.cancellations(), KeyboardInterrupt))


def is_interruption(error: BaseException | None) -> bool:
    """Return whether an exception is that of Ctrl-C: threads are not cancelled."""
    return _is_of(error, (KeyboardInterrupt,))


def async_is_cancelled_here() -> bool:
    """Return whether the running task is being cancelled, as far as can be told; for finalizers.

    What a cancellation raises isn't visible in a finalizer that it has caused.
    """
    try:
        return running_loop().is_task_cancelled()
    except RuntimeError:  # no task runs here
        return False


def is_cancelled_here() -> bool:
    """Return False: threads are not cancelled."""
    return False


def _is_of(error: BaseException | None, types: tuple[type[BaseException], ...]) -> bool:
    # Python 3.10 has no exception groups.
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    return isinstance(error, types) or (bool(inner) and all(_is_of(one, types) for one in inner))


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

        # A daemon thread: one of the event loop's executor could delay the end of the program.
        start_named_thread(threading.Thread(target=run, daemon=True, name="fal_stream-call"))

    await running_loop().wait_for_callback(begin)
    if errors:
        raise errors[0]
    return results[0]


def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function here and now: a blocking program waits in any case."""
    return function(*args)


async def async_complete_despite_cancellation(
    work: Coroutine[Any, Any, T], interrupt: Callable[[], None]
) -> T:
    """Do some short work to its end, also where the caller is or gets cancelled.

    Args:
        work: The work.
        interrupt: Makes the work fail soon.

    Returns:
        What the work returns.
    """
    try:
        loop = running_loop()
    except RuntimeError:  # it has ended, and the collector closes what ran in it
        work.close()
        raise
    return await loop.complete_despite_cancellation(work, interrupt)


def complete_despite_cancellation(work: T, interrupt: Callable[[], None]) -> T:
    """Return the result of work that a blocking program has done by now."""
    return work
