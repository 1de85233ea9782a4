"""Start daemon threads, and tell when waiting for one could be a deadlock."""

from __future__ import annotations

import _thread
import inspect
import logging
import threading
from collections.abc import Callable

from .._signal_errors import raised_by_signal_handler
from ..errors import StreamConnectionError


def start_thread(function: Callable[[], None]) -> bool:
    """Start a thread that delays neither the caller nor the end of the program.

    `threading.Thread.start` waits until the thread runs, and acquires locks: a signal handler or a
    finalizer that interrupts it there, and starts a thread too, would wait for itself. So this is a
    thread of `_thread`.

    Args:
        function: The function that the thread calls; it must not raise.

    Returns:
        Whether the thread was started: there may be too many, or the interpreter is about to end.
    """
    try:
        _thread.start_new_thread(function, ())
    except RuntimeError:
        return False
    return True


def start_named_thread(thread: threading.Thread) -> None:
    """Start a thread that calls the user's code: debuggers only know threads of `threading`.

    Raises:
        StreamConnectionError: The thread can't be started.
    """
    try:
        thread.start()
    except RuntimeError as error:
        if raised_by_signal_handler(error) is not None:
            raise
        reason = str(error)
    else:
        return
    raise StreamConnectionError(
        f"No further thread can be started ({reason}): the process or the system has too many, or "
        "the program is about to end"
    )


class AsyncSharedWork:
    """Work of a task that other tasks wait for."""

    def is_interrupted_here(self) -> bool:
        """Return False: the work continues while another task waits for it."""
        return False


class SharedWork:
    """Work of the thread that creates this object, which other threads wait for."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def is_interrupted_here(self) -> bool:
        """Return whether the calling thread is the one that does the work.

        Then the caller is a signal handler or a finalizer that has interrupted the work, and must
        not wait for it.
        """
        return self._thread == threading.get_ident()


def may_wait_for_threads() -> bool:
    """Return whether the calling thread is outside of `logging`.

    A signal handler or a finalizer may have interrupted `logging` while it held a lock. Another
    thread that logs would wait for that lock, so the handler must not wait for that thread.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == logging.__name__:
            return False
        frame = frame.f_back
    return True
