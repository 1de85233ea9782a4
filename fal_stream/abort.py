"""Abort signals, after the web's `AbortController`.

See https://dom.spec.whatwg.org/#aborting-ongoing-activities. They are thread-safe, and the same in
both flavours. A signal only calls its listeners; ending a wait is up to them.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Any, NoReturn, SupportsIndex

from ._checks import check_plain_function, check_plain_result, safe_repr, short_repr
from ._signal_errors import raised_by_signal_handler
from .errors import ConfigError

_logger = logging.getLogger("fal_stream")


class AbortSignal:
    """Say whether an abort was requested, and call callbacks when it is.

    Signals are created by an `AbortController`. They can't be copied or pickled, because no
    controller could abort the copy.
    """

    def __init__(self) -> None:
        # No lock protects these: a signal handler may interrupt one of these methods, abort, and
        # wait for other threads, which would wait for the lock. Each operation on them is atomic.
        self._callbacks: dict[object, Callable[[], object]] = {}
        self._followers: dict[object, Callable[[], object]] = {}
        self._reasons: list[Any] = []

    @property
    def aborted(self) -> bool:
        """Whether the abort was requested."""
        return bool(self._reasons)

    @property
    def reason(self) -> Any:
        """The reason that was given for the abort, or None."""
        return self._reasons[0] if self._reasons else None

    def on_abort(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call a function when the signal is aborted, or at once if it already is.

        Args:
            callback: A function without arguments. It runs in the thread that aborts. If it raises
                an exception, this is logged; an exception of a signal handler is raised.

        Returns:
            A function that removes the callback.

        Raises:
            ConfigError: The callback can't be called, or is an async function.
        """
        check_plain_function("callback", callback)
        key = object()
        self._callbacks[key] = callback
        if self._reasons:
            self._call(key)

        def unsubscribe() -> None:
            self._callbacks.pop(key, None)

        return unsubscribe

    def _abort(self, reason: Any) -> None:
        if not self._reasons:
            self._reasons.append(reason)
        # Also on a second abort: a signal handler may have interrupted the first.
        for key in list(self._followers):
            self._notify(key)
        for key in list(self._callbacks):
            self._call(key)

    def _notify(self, key: object) -> None:
        follower = self._followers.get(key)
        if follower is not None:
            _call(follower)
            self._followers.pop(key, None)

    def _call(self, key: object) -> None:
        callback = self._callbacks.get(key)
        if callback is None:
            return
        try:
            if self._callbacks.pop(key, None) is not None:
                _call(callback)
        except BaseException:
            # The callback was interrupted: the next abort calls it again.
            self._callbacks[key] = callback
            raise

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise ConfigError(
            "An abort signal can't be copied or pickled, because nothing would abort the copy: "
            "create a controller where the copy is needed"
        )

    @safe_repr
    def __repr__(self) -> str:
        return f"<AbortSignal aborted={self.aborted}>"


class AbortController:
    """Create a signal, and abort it."""

    def __init__(self) -> None:
        self._signal = AbortSignal()

    @property
    def signal(self) -> AbortSignal:
        """The signal to give to `stream(..., signal=...)`."""
        return self._signal

    def abort(self, reason: Any = None) -> None:
        """Abort the signal, and everything that uses it. A second call does nothing.

        Args:
            reason: Any object; available as the `reason` of the signal. Default None.
        """
        self._signal._abort(reason)

    @safe_repr
    def __repr__(self) -> str:
        return f"<AbortController aborted={self._signal.aborted}>"


def check_signal(value: object) -> AbortSignal | None:
    """Return a signal, or None for none.

    Raises:
        ConfigError: The value is neither.
    """
    if value is None or isinstance(value, AbortSignal):
        return value
    raise ConfigError(
        f"signal={short_repr(value)} is not an AbortSignal: give the signal of an AbortController"
    )


def call_on_abort(signal: AbortSignal, callback: Callable[[], object]) -> Callable[[], None]:
    """Call a function when a signal is aborted, perhaps twice.

    A signal handler may interrupt an abort before the callback has returned, and then wait for a
    stream that the callback ends. So a second abort (by the handler) calls it as well.

    Args:
        signal: The signal.
        callback: A function without arguments; see `AbortSignal.on_abort`.

    Returns:
        A function that removes the callback.
    """
    key = object()
    signal._followers[key] = callback
    if signal.aborted:
        signal._notify(key)

    def unsubscribe() -> None:
        signal._followers.pop(key, None)

    return unsubscribe


def call_weakly_on_abort(
    signal: AbortSignal, method: Callable[[Any], object]
) -> Callable[[], None]:
    """Call a method with the reason when a signal is aborted, as long as its object is alive.

    The signal holds only a weak reference to the object, because it may live longer.

    Args:
        signal: The signal.
        method: A bound method. It may be called twice; see `call_on_abort`.

    Returns:
        A function that removes the callback.
    """
    kept = weakref.WeakMethod(method)

    def tell() -> None:
        abort = kept()
        if abort is not None:
            abort(signal.reason)

    return call_on_abort(signal, tell)


def _call(callback: Callable[[], object]) -> None:
    try:
        check_plain_result("The callback", callback())
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        _logger.exception("A callback of an abort signal raised")
