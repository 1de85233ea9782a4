"""Threads in the background."""

from __future__ import annotations

import _thread
from collections.abc import Callable


def start_thread(function: Callable[[], None]) -> bool:
    """Start a thread that holds up neither the end of the program nor the caller.

    Not one of `threading`, which waits in several steps until it runs, and holds a lock in some of
    them: a signal handler that comes in between could wait for itself.

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
