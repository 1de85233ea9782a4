"""The exchange of the blocking flavour: each wait is divided into short slices.

Before each slice, the watchdog and the abort flag are checked. An abort from another thread wakes
the waiting thread by the function that was attached for it; if that doesn't wake it, the next slice
notices the abort. There is no lock: a signal handler may abort, and wait for another thread, while
the code that it interrupted is anywhere in this module.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar

from .._ipython import running_shell
from .._shared.watchdog import Watchdog
from .compat import MAX_WAIT_SLICE, call
from .exchange import Aborted, BaseExchange
from .threads import start_named_thread

T = TypeVar("T")


class _PendingResult(Generic[T]):
    """What a call gave or raised, for a caller who may have gone when it comes.

    Args:
        undo: Frees what nobody takes.
    """

    def __init__(self, undo: Callable[[T], Any]) -> None:
        self._undo = undo
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._is_discarded = False

    def set_result(self, result: T) -> None:
        self._results.append(result)
        if self._is_discarded:
            self._undo_all()

    def set_exception(self, error: BaseException) -> None:
        self._error = error

    def discard(self) -> None:
        self._is_discarded = True
        self._undo_all()

    def _undo_all(self) -> None:
        # Both sides may come here: what one has taken out, the other doesn't find.
        while self._results:
            with contextlib.suppress(IndexError):
                self._undo(self._results.pop())

    def get(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]


class _WakeEvent:
    """Wakes one waiting thread; may be set by that thread itself, from within its wait.

    A signal handler or a finalizer does so. An event of `threading` would lock itself out there:
    it takes a lock of its own in several steps, where this one has a single step each.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def notify(self) -> None:
        """Wake who waits, or who is about to."""
        with contextlib.suppress(RuntimeError):  # the waiter was woken already
            self._lock.release()

    def wait(self, seconds: float) -> bool | None:
        """Wait for at most so many seconds; None if nothing woke it."""
        return self._lock.acquire(timeout=seconds) or None


def _nothing(_: object) -> None:
    """What needs no undoing."""


class Exchange(BaseExchange):
    """See `BaseExchange`; the blocking flavour."""

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__(watchdog)
        # What wakes the wait, while there is something to be woken. Who takes it out by one step
        # of the interpreter, an abort or `detach`, is the only one who has it.
        self._wake: list[Callable[[], None]] = []
        self._process = os.getpid()

    def abort(self) -> None:
        """See `BaseExchange`."""
        super().abort()
        self._wake_up(self._wake)

    def attach(self, wake: Callable[[], None]) -> None:
        """Name what wakes the wait that is to come, called at once after an abort."""
        before, self._wake = self._wake, [wake]
        before.clear()
        # An abort that came before this line has not called it.
        if self.aborted:
            self._wake_up(self._wake)

    @contextlib.contextmanager
    def _woken_by(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have a wait woken that may stand between two waits for a connection."""
        before, self._wake = self._wake, [wake]
        try:
            if self.aborted:
                wake()
            yield
        finally:
            self._wake = before
            if self.aborted:
                self._wake_up(before)

    def detach(self) -> bool:
        """Let go of the connection.

        Returns:
            Whether no abort has touched it, so that others may use it.
        """
        self._wake.clear()
        return not self.aborted

    def _wake_up(self, wakes: list[Callable[[], None]]) -> None:
        try:
            wake = wakes.pop()
        except IndexError:
            return
        # A forked process shares the socket with its parent, which may still use it.
        if self._process == os.getpid():
            wake()

    def call(
        self,
        function: Callable[..., T | Awaitable[T]],
        *args: Any,
        undo: Callable[[T], Any] = _nothing,
    ) -> T:
        """Call a function that may take long, in a thread that nobody has to wait for.

        Args:
            function: The function.
            *args: Its arguments.
            undo: Frees what it returns where that comes too late. Default: nothing is freed.

        Returns:
            What it returns.

        Raises:
            ConfigError: It is an async function.
            StreamConnectionError: No thread can be started.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        context = contextvars.copy_context()
        outcome: _PendingResult[T] = _PendingResult(undo)

        def run(deliver: Callable[[None], None]) -> None:
            try:
                outcome.set_result(context.run(lambda: call(function, *args)))
            except BaseException as error:
                outcome.set_exception(error)
            deliver(None)

        def begin(deliver: Callable[[None], None]) -> None:
            # A daemon thread, so that it doesn't delay the end of the program.
            thread = threading.Thread(
                target=run, args=[deliver], daemon=True, name="fal_stream-call"
            )
            start_named_thread(thread)

        try:
            self.wait_for_callback(begin)
        except BaseException:
            outcome.discard()
            raise
        return outcome.get()

    def wait_for_callback(self, begin: Callable[[Callable[[T], None]], object]) -> T:
        """Wait for something that another thread delivers.

        Args:
            begin: Is given the function to deliver by, callable from any thread at any time.

        Returns:
            What was delivered.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        event = _WakeEvent()
        things: list[T] = []

        def deliver(thing: T) -> None:
            things.append(thing)
            event.notify()

        begin(deliver)
        with self._woken_by(event.notify):
            self.wait(event.wait)
        self.check()
        return things[0]

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        event = _WakeEvent()
        end = time.monotonic() + seconds

        def rest(slice_seconds: float) -> bool | None:
            left = end - time.monotonic()
            return left <= 0 or event.wait(min(left, slice_seconds))

        with self._woken_by(event.notify):
            self.wait(rest)
        self.check()

    def wait(self, once: Callable[[float], T | None]) -> T:
        """Wait for something in slices.

        Args:
            once: Waits for at most the given seconds and gives None if it was in vain.

        Returns:
            What `once` gave.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        watchdog = self.watchdog
        while True:
            if self.aborted:
                raise Aborted
            seconds = watchdog.enter()
            try:
                result = once(seconds if seconds < MAX_WAIT_SLICE else MAX_WAIT_SLICE)
            finally:
                watchdog.leave()
            if result is not None:
                return result


def new_exchange(watchdog: Watchdog) -> Exchange:
    """Make an exchange.

    Args:
        watchdog: Asked before every wait.
    """
    exchange = Exchange(watchdog)
    if running_shell() is not None:
        from .notebook_interrupts import track_in_cell

        track_in_cell(exchange)
    return exchange
