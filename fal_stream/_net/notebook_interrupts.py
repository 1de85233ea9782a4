"""Interrupts of notebook cells: end the waits of the cell's streams, and the streams.

Two things would keep an interrupted cell from ending its streams:

- The kernel handles the interrupt of an asynchronous cell in its event loop, which sleeps while the
  server is silent. So the loop is woken from time to time while a cell runs.
- The traceback, or a variable, keeps a stream alive that the cell was not reading at that moment.
  So the exchanges that were started in the cell are aborted.

IPython in a terminal leaves the event loop, and the task in it, where they were: there the task is
cancelled.

Promises: in a program that a notebook doesn't run, nothing is done and IPython is not imported.
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

# How long it may take until an interrupt is noticed (seconds).
TICK = 0.25

# How long a cancelled task may take to end (seconds).
_PATIENCE = 1.0

_TaskRef = weakref.ReferenceType[asyncio.Task[Any]]


def async_track_in_cell(exchange: BaseExchange) -> None:
    """Note an exchange of the task that runs, where a cell of a notebook does."""
    _track(exchange, _current_task)


def track_in_cell(exchange: BaseExchange) -> None:
    """Note an exchange, where a cell of a notebook runs."""
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
    """The cells of one shell, one of which may be running."""

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
        """Note an exchange, and the task that it is of, if there is one."""
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
    """Cancel tasks whose loop an interrupt has stopped, as that of IPython in a terminal."""
    for task in tasks:
        task.cancel()
    for loop in {task.get_loop() for task in tasks}:
        if not loop.is_closed():
            theirs = [task for task in tasks if task.get_loop() is loop]
            loop.run_until_complete(asyncio.wait(theirs, timeout=_PATIENCE))


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
