"""Start daemon threads, and tell where waiting for one could last for ever."""

from __future__ import annotations

import _thread
import inspect
import logging
import threading
from collections.abc import Callable

from .._signal_errors import raised_by_signal_handler
from ..errors import StreamConnectionError


def start_thread(function: Callable[[], None]) -> bool:
    """Start a thread that holds up neither the end of the program nor the caller.

    Not one of `threading`, which waits in several steps until it runs, and holds a lock in some of
    them: a signal handler or a finalizer that comes in between, and starts one too, would wait for
    itself.

    Args:
        function: What the thread does; it raises nothing.

    Returns:
        Whether it could be started: there may be too many, or the interpreter is about to end.
    """
    try:
        _thread.start_new_thread(function, ())
    except RuntimeError:
        return False
    return True


def start_named_thread(thread: threading.Thread) -> None:
    """Start a thread that calls what is the user's: debuggers know those of `threading`.

    Args:
        thread: The thread, which was not started.

    Raises:
        StreamConnectionError: It can't be started.
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
    """Work of a task that other tasks wait for: it goes on while they do."""

    def is_interrupted_here(self) -> bool:
        """Return False."""
        return False


class SharedWork:
    """Work of the thread that creates this object; other threads wait for it."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def is_interrupted_here(self) -> bool:
        """Return whether the work can't go on before the caller has returned.

        A signal handler or a finalizer has interrupted it then, and must not wait for it.
        """
        return self._thread == threading.get_ident()


def may_wait_for_threads() -> bool:
    """Return whether the calling thread is outside of `logging`.

    A signal handler or a finalizer may have interrupted it in there, with a lock of `logging` held:
    another thread that logs would wait for that lock, and must not be waited for.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == logging.__name__:
            return False
        frame = frame.f_back
    return True
