"""Interrupts of notebook cells: end the cell's streams, and the waits for them.

Two things would keep the streams of an interrupted cell running:

- The kernel handles the interrupt of an asynchronous cell in its event loop, which sleeps while the
  server is silent. So the loop is woken from time to time while a cell runs.
- The traceback, or a variable, keeps a stream alive that the cell was not reading at that moment.
  So the exchanges that were started in the cell are aborted.

IPython in a terminal only stops its event loop, and leaves the task unfinished: there the task is
cancelled.

Promises: outside of notebooks, nothing is done and IPython is not imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import Any

from .._ipython import is_kernel, running_shell
from .exchange import BaseExchange

# The longest time until an interrupt is noticed (seconds).
TICK = 0.25

# The longest time to wait for the end of a cancelled task (seconds).
_CANCEL_TIMEOUT = 1.0

_TaskRef = weakref.ReferenceType[asyncio.Task[Any]]


def async_track_in_cell(exchange: BaseExchange) -> None:
    """Register an exchange of the running task, if a notebook cell is running."""
    _track(exchange, _current_task)


def track_in_cell(exchange: BaseExchange) -> None:
    """Register an exchange, if a notebook cell is running."""
    _track(exchange, lambda: None)


def _track(exchange: BaseExchange, task: Callable[[], asyncio.Task[Any] | None]) -> None:
    shell = running_shell()
    # Only the main thread is interrupted.
    if shell is not None and threading.current_thread() is threading.main_thread():
        _tracker_of(shell).begin(exchange, task())


_trackers: list[tuple[Any, _CellTracker]] = []


def _tracker_of(shell: Any) -> _CellTracker:
    for known, cells in _trackers:
        if known is shell:
            return cells
    cells = _CellTracker(shell)
    _trackers.append((shell, cells))
    return cells


class _CellTracker:
    """The exchanges that were started in the running cell of one IPython shell."""

    def __init__(self, shell: Any) -> None:
        self._begun: weakref.WeakKeyDictionary[BaseExchange, _TaskRef | None] = (
            weakref.WeakKeyDictionary()
        )
        self._ticks = is_kernel(shell)
        self._timer: asyncio.TimerHandle | None = None
        shell.events.register("pre_run_cell", self._start)
        shell.events.register("post_run_cell", self._end)
        self._start()

    def begin(self, exchange: BaseExchange, task: asyncio.Task[Any] | None) -> None:
        """Register an exchange, and its task, if it has one."""
        self._begun[exchange] = None if task is None else weakref.ref(task)

    def _start(self, info: object = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ticks:
            with contextlib.suppress(RuntimeError):  # no event loop is running
                self._tick(asyncio.get_running_loop())

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(TICK, self._tick, loop)

    def _end(self, result: Any = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        begun = list(self._begun.items())
        self._begun.clear()
        error = getattr(result, "error_in_exec", None)
        if not isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            return
        stranded: list[asyncio.Task[Any]] = []
        for exchange, reference in begun:
            task = None if reference is None else reference()
            if task is None or task.done():
                exchange.abort()
            elif not task.get_loop().is_running():
                stranded.append(task)
            # Any other task goes on in the background.
        _cancel_in_stopped_loops(stranded)


def _cancel_in_stopped_loops(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel tasks whose event loop was stopped by an interrupt, as in IPython in a terminal."""
    for task in tasks:
        task.cancel()
    for loop in {task.get_loop() for task in tasks}:
        if not loop.is_closed():
            theirs = [task for task in tasks if task.get_loop() is loop]
            loop.run_until_complete(asyncio.wait(theirs, timeout=_CANCEL_TIMEOUT))


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
