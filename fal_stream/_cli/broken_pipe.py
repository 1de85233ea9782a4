"""Detect that stdout was closed (`| head -1`) before there is something to write.

Nothing is written for this. It works for pipes, and not on Windows; otherwise, the next write fails
instead.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable


def watch_output(on_gone: Callable[[], object]) -> None:
    """Call a function when the other end of stdout, a pipe, was closed.

    Args:
        on_gone: A function without arguments. It is called once, in a thread of its own.
    """
    if sys.platform == "win32":
        return
    import select

    try:
        number = sys.stdout.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
    except (OSError, ValueError, AttributeError):
        return
    if not is_pipe:
        return
    poll = select.poll()
    poll.register(number, 0)  # errors are reported in any case

    def wait() -> None:
        poll.poll()
        on_gone()

    threading.Thread(target=wait, name="reader", daemon=True).start()
