"""Where an abort may come from, and when it came."""

from __future__ import annotations

import contextlib
import gc
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from fal_stream import AbortController, AsyncFalStream, FalStream
from fal_stream.testing import LocalFal

from .phase_servers import Flavour

__all__ = ["Aborter", "bell", "collect", "handles_signals", "origins_of", "raise_in_main"]

_ORIGINS = (
    "another thread",
    "another task",
    "a signal handler",
    "a listener",
    "a finalizer",
    "the given signal",
)


def origins_of(flavour: Flavour) -> tuple[str, ...]:
    """Name where an abort may come from."""
    return tuple(one for one in _ORIGINS if one != "another task" or flavour != "blocking")


class Aborter:
    """Aborts a stream, and remembers when.

    Args:
        stream: The stream.
        controller: The controller of the signal that the stream was given.
        origin: Where the abort comes from.

    Attributes:
        at: When it came, by `time.perf_counter`.
    """

    def __init__(
        self,
        stream: FalStream[Any] | AsyncFalStream[Any],
        controller: AbortController,
        origin: str,
    ) -> None:
        self._abort = controller.abort if origin == "the given signal" else stream.abort
        self.at = math.inf

    def __call__(self, *_: object) -> None:
        """Abort it."""
        self.at = time.perf_counter()
        self._abort("enough")


class _Finalizer:
    def __init__(self, abort: Callable[[], None]) -> None:
        self._abort = abort
        self._itself = self

    def __del__(self) -> None:
        self._abort()


def collect(abort: Callable[[], None]) -> None:
    """Have the collector of unreachable objects call a function."""
    _Finalizer(abort)
    gc.collect(0)


# What the handler calls; one for all, as a handler can be set in the main thread only.
_handled: list[Callable[[], None]] = []


@contextlib.contextmanager
def handles_signals() -> Iterator[None]:
    """Have signals call what `raise_in_main` was given."""

    def handle(*_: object) -> None:
        _handled.pop()()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def raise_in_main(abort: Callable[[], None]) -> None:
    """Have a function called by a signal handler of the main thread."""
    _handled.append(abort)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


@contextlib.contextmanager
def bell() -> Iterator[LocalFal]:
    """Give a server whose stream `acme/bell` has one chunk, for listeners to hear."""
    with LocalFal() as fal:
        fal.add("acme/bell", [1])
        yield fal
