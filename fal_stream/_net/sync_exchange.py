"""The exchange of the blocking flavour: each wait is divided into short slices.

Before each slice, the watchdog and the abort flag are checked. An abort from another thread calls
the wake-up function that is attached, which wakes the waiting thread; if that fails, the next slice
notices the abort. There is no lock, because a signal handler may call `abort`, and wait for another
thread, while the code that it interrupted is anywhere in this module.
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
from .exchange import Aborted, BaseExchange
from .flavour_pairs import MAX_WAIT_SLICE, call
from .threads import start_named_thread

T = TypeVar("T")


class _PendingResult(Generic[T]):
    """The result or the exception of a call, for a caller that may stop waiting for it.

    Args:
        undo: Is given a result that was discarded, to free its resources.
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
        # Both threads may call this at once, but only one of them can remove the result.
        while self._results:
            with contextlib.suppress(IndexError):
                self._undo(self._results.pop())

    def get(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]


class _WakeEvent:
    """An event that wakes one waiting thread.

    A signal handler or a finalizer can set it while it interrupts the waiting thread. With
    `threading.Event` that would be a deadlock, because that acquires a lock of its own; here, each
    step is a single operation.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def notify(self) -> None:
        """Wake the thread that waits, or the next one that does."""
        with contextlib.suppress(RuntimeError):  # the waiter was woken already
            self._lock.release()

    def wait(self, seconds: float) -> bool | None:
        """Wait for at most `seconds`; return True if `notify` was called, else None."""
        return self._lock.acquire(timeout=seconds) or None


def _do_nothing(_: object) -> None:
    """Do nothing: the default for `undo`."""


class Exchange(BaseExchange):
    """See `BaseExchange`; the blocking flavour."""

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__(watchdog)
        # The wake-up function, or nothing. `abort` and `detach` remove it by a single operation of
        # the interpreter, so only one of them gets it.
        self._wake: list[Callable[[], None]] = []
        self._process = os.getpid()

    def abort(self) -> None:
        """See `BaseExchange`."""
        super().abort()
        self._wake_up(self._wake)

    def set_waker(self, wake: Callable[[], None]) -> None:
        """Set the wake-up function for the next waits; call it at once if an abort has come."""
        before, self._wake = self._wake, [wake]
        before.clear()
        # An abort that came before the function was set has not called it.
        if self.aborted:
            self._wake_up(self._wake)

    @contextlib.contextmanager
    def _woken_by(self, wake: Callable[[], None]) -> Iterator[None]:
        """Set another wake-up function for the duration of one wait."""
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
        """Detach the connection, so that an abort no longer shuts it down.

        Returns:
            Whether the exchange was not aborted, so another request can use the connection.
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
        undo: Callable[[T], Any] = _do_nothing,
    ) -> T:
        """Call a function that may take long in a daemon thread, and return its result.

        Args:
            function: The function.
            *args: The arguments of the function.
            undo: Is given a result that came too late, to free its resources. Default: the result
                is discarded.

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
        """Wait for a result that another thread delivers, and return it.

        Args:
            begin: Starts the work. Its argument is the callback for the result, which can be called
                from any thread at any time.

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
        self.raise_if_aborted()
        return things[0]

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds.

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
        self.raise_if_aborted()

    def wait(self, once: Callable[[float], T | None]) -> T:
        """Wait in slices, and return the result of the wait.

        Args:
            once: Waits for at most the given seconds, and returns None if nothing has come.

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
    """Return a new exchange."""
    exchange = Exchange(watchdog)
    if running_shell() is not None:
        from .notebook_interrupts import track_in_cell

        track_in_cell(exchange)
    return exchange
