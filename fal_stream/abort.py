"""Abort signals, after the `AbortController` of the web: thread-safe, in both flavours.

They only carry the word: what is woken by it is left to those who listen.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

_logger = logging.getLogger("fal_stream")


class AbortSignal:
    """Tells whether an abort was asked for, and calls those who want to know.

    Signals are made by an `AbortController`.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler or a finalizer may abort while its own thread is in here.
        self._lock = threading.RLock()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._next_key = 0
        self._aborted = False
        self._reason: Any = None

    @property
    def aborted(self) -> bool:
        """Whether the abort was asked for."""
        return self._aborted

    @property
    def reason(self) -> Any:
        """What was given as the reason of the abort, or None."""
        return self._reason

    def on_abort(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have a function called when the abort comes; at once where it has come already.

        Args:
            callback: A function without arguments. It runs in the thread that aborts, and an
                exception that it raises is logged.

        Returns:
            A function that takes the callback off the signal again.
        """
        with self._lock:
            key = self._next_key
            self._next_key += 1
            if not self._aborted:
                self._callbacks[key] = callback
        if self._aborted:
            _call(callback)

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks.pop(key, None)

        return unsubscribe

    def _abort(self, reason: Any) -> None:
        with self._lock:
            if self._aborted:
                return
            self._reason = reason
            self._aborted = True
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            _call(callback)

    def __repr__(self) -> str:
        return f"<AbortSignal aborted={self._aborted}>"


class AbortController:
    """Gives out a signal, and aborts it."""

    def __init__(self) -> None:
        self._signal = AbortSignal()

    @property
    def signal(self) -> AbortSignal:
        """The signal to give to `stream(..., signal=...)`."""
        return self._signal

    def abort(self, reason: Any = None) -> None:
        """Abort what listens to the signal; the second time nothing happens.

        Args:
            reason: Anything; kept as the `reason` of the signal. Default None.
        """
        self._signal._abort(reason)

    def __repr__(self) -> str:
        return f"<AbortController aborted={self._signal.aborted}>"


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:
        _logger.exception("A callback of an abort signal raised")
