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
    """Return the types of exception that a wait raises when its task is cancelled."""
    return loops.cancellations()


def cancellations() -> tuple[type[BaseException], ...]:
    """Return an empty tuple: threads are not cancelled."""
    return ()


def async_is_interruption(error: BaseException | None) -> bool:
    """Return whether an exception, or each one in a group, is a cancellation or a Ctrl-C."""
    return _is_of(error, (*loops.cancellations(), KeyboardInterrupt))


def is_interruption(error: BaseException | None) -> bool:
    """Return whether an exception is a Ctrl-C: threads are not cancelled."""
    return _is_of(error, (KeyboardInterrupt,))


def async_is_cancelled_here() -> bool:
    """Return whether the running task is being cancelled, as far as is known.

    For finalizers: one that runs because of a cancellation doesn't see the exception.
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
    """Call a function that may take long, in a daemon thread."""
    results: list[T] = []
    errors: list[BaseException] = []

    def begin(deliver: Callable[[None], None]) -> None:
        def run() -> None:
            try:
                results.append(function(*args))
            except BaseException as error:
                errors.append(error)
            deliver(None)

        # Not in the event loop's executor, whose threads could delay the end of the program.
        start_named_thread(threading.Thread(target=run, daemon=True, name="fal_stream-call"))

    await running_loop().wait_for_callback(begin)
    if errors:
        raise errors[0]
    return results[0]


def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function in this thread: a blocking program waits in any case."""
    return function(*args)


async def async_complete_despite_cancellation(
    work: Coroutine[Any, Any, T], interrupt: Callable[[], None]
) -> T:
    """Complete some short work even if the caller is cancelled, and return its result.

    Args:
        work: The work.
        interrupt: Makes the work fail soon; called if the caller is cancelled.
    """
    try:
        loop = running_loop()
    except RuntimeError:  # the loop has ended, and the garbage collector closes its coroutines
        work.close()
        raise
    return await loop.complete_despite_cancellation(work, interrupt)


def complete_despite_cancellation(work: T, interrupt: Callable[[], None]) -> T:
    """Return `work`, which is the result already in the blocking flavour."""
    return work
