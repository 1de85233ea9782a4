"""Signals at random instants of the main thread, and a last one that frees it where it hangs."""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator

from tests.steps import Interruption

__all__ = ["Hang", "Signals"]


class Hang(BaseException):
    """Something has not ended in time; the message says where all threads are."""


class Signals:
    """Has things called in the main thread, between two bytecodes of whatever it does.

    Attributes:
        may_interrupt: Whether the code that runs takes an interruption. Who sets it takes one.
        interruptions: How many there were.
    """

    def __init__(self) -> None:
        self.may_interrupt = False
        self.interruptions = 0
        self._actions: deque[Callable[[], object]] = deque()
        self._main = threading.main_thread().ident
        self.are_there = (
            sys.platform != "win32" and threading.current_thread() is threading.main_thread()
        )

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals for a while; in another thread than the main one, none come."""
        if not self.are_there:
            yield
            return
        before, hook = signal.signal(signal.SIGUSR1, self._handle), sys.unraisablehook

        def pass_on(unraisable: sys.UnraisableHookArgs) -> None:
            # One that comes into a finalizer is lost, as Python loses Ctrl-C.
            if not isinstance(unraisable.exc_value, Interruption):
                hook(unraisable)

        sys.unraisablehook = pass_on
        try:
            yield
        finally:
            self._actions.clear()
            signal.signal(signal.SIGUSR1, before)
            sys.unraisablehook = hook

    def send(self, action: Callable[[], object]) -> None:
        """Have something called by a handler."""
        if self.are_there and self._main is not None:
            self._actions.append(action)
            signal.pthread_kill(self._main, signal.SIGUSR1)

    def interrupt(self) -> None:
        """What a handler calls to raise an exception, as that of Ctrl-C does."""
        if self.may_interrupt:
            self.may_interrupt = False
            self.interruptions += 1
            raise Interruption

    def _handle(self, *_: object) -> None:
        with contextlib.suppress(IndexError):
            self._actions.popleft()()

    @contextlib.contextmanager
    def watched(self, seconds: float) -> Iterator[None]:
        """End the block by `Hang` where it takes longer, wherever the main thread waits."""
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(seconds):
                self._actions.clear()
                self.send(give_up)

        def give_up() -> None:
            if not is_over.is_set():
                raise Hang(stacks())

        threading.Thread(target=watch, daemon=True, name="states-watch").start()
        try:
            yield
        finally:
            is_over.set()


def stacks() -> str:
    """Tell where all threads are."""
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        return file.read()
