"""Call functions later, both flavours side by side.

A blocking program has no event loop, so a daemon thread calls the functions. There is one thread
for the whole process: it is started with the first timer, and ends after the last one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable

from .loops import running_loop
from .threads import start_thread

_logger = logging.getLogger("fal_stream")


def async_call_later(seconds: float, function: Callable[[], None]) -> Callable[[], object] | None:
    """Schedule a call of a function in the running event loop.

    Args:
        seconds: The delay (seconds).
        function: The function; it must not raise.

    Returns:
        A function that cancels the call.
    """
    return running_loop().call_later(seconds, function)


def call_later(seconds: float, function: Callable[[], None]) -> Callable[[], object] | None:
    """Schedule a call of a function in the timer thread.

    Args:
        seconds: The delay (seconds).
        function: The function; it should not raise or block.

    Returns:
        A function that cancels the call, callable at any time; None if no thread can be started.
    """
    return _timers_here().add(time.monotonic() + seconds, function)


class _Timers:
    """The timers of a process.

    There is no lock to wait for, so that a signal handler or a finalizer can add and cancel timers
    at any time: each step on the dictionary is a single operation of the interpreter.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self._timers: dict[object, tuple[float, Callable[[], None]]] = {}
        # Held by the thread while it checks the timers.
        self._running = threading.Lock()
        self._wakeup = threading.Lock()
        self._wakeup.acquire()

    def add(self, due: float, function: Callable[[], None]) -> Callable[[], object] | None:
        key = object()
        self._timers[key] = due, function
        if self._running.locked():
            self._wake()
        elif not start_thread(self._run):
            self._timers.pop(key, None)
            return None

        def cancel() -> None:
            self._timers.pop(key, None)
            self._wake()

        return cancel

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the waiter was woken already
            self._wakeup.release()

    def _run(self) -> None:
        # The loop checks for a timer that was added after `_call_all` has returned: `add` has
        # started no thread for it if `_running` was still locked.
        while self._timers and self._running.acquire(blocking=False):
            try:
                self._call_all()
            finally:
                self._running.release()

    def _call_all(self) -> None:
        while timers := self._timers.copy():
            now = time.monotonic()
            for key, (due, _) in timers.items():
                if due <= now and (timer := self._timers.pop(key, None)) is not None:
                    try:
                        timer[1]()
                    except Exception:
                        _logger.exception("A timer raised")
            next_due = min((due for due, _ in self._timers.copy().values()), default=now)
            if next_due > now:
                self._wakeup.acquire(timeout=min(next_due - now, threading.TIMEOUT_MAX))


_timers = _Timers()


def _timers_here() -> _Timers:
    """Return the timers of this process: a forked process doesn't have its parent's thread."""
    global _timers
    if _timers.process != os.getpid():
        _timers = _Timers()
    return _timers
