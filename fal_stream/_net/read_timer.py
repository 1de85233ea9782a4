"""End a blocking read when a timeout runs out, by shutting its socket down.

Promises: each read reads the clock once. The timer is scheduled by the first read, and rescheduled
only when it fires, or for an earlier timeout. If the whole process was suspended for a while, the
reader first gets a moment to read the bytes that have arrived.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ..errors import StreamConnectionError

# How long after a timeout a reader may still return data that had arrived in time (seconds).
_GRACE = 0.05

CallLater = Callable[[float, Callable[[], None]], Callable[[], object] | None]


class ReadTimer:
    """The timer of one body, whose reads come one after the other.

    There is no lock, because a signal handler may interrupt any step. `_on_timer` may be called in
    another thread between any two steps; at worst, the timer fires once more than necessary.

    Args:
        call_later: Schedules a call of a function after a number of seconds, and returns a function
            that cancels the call, or None if no thread can be started for it.
        shut_down: Makes the read fail.

    Attributes:
        has_expired: Whether the timeout of a read has run out.
    """

    __slots__ = (
        "_armed",
        "_call_later",
        "_cancel",
        "_due",
        "_overdue",
        "_shut_down",
        "has_expired",
    )

    def __init__(self, call_later: CallLater, shut_down: Callable[[], None]) -> None:
        self.has_expired = False
        self._call_later = call_later
        self._shut_down = shut_down
        self._due = self._armed = math.inf
        self._overdue = 0.0
        self._cancel: Callable[[], object] | None = None

    def begin(self, seconds: float) -> None:
        """Start the timeout of a read (seconds)."""
        due = self._due = time.monotonic() + seconds
        if due < self._armed:
            self._arm(due, seconds)

    def end(self) -> None:
        """End the timeout of the read."""
        self._due = math.inf

    def stop(self) -> None:
        """Cancel the timer."""
        self._due = math.inf
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()

    def _arm(self, due: float, seconds: float) -> None:
        cancel, self._armed = self._cancel, due
        if cancel is not None:
            cancel()
        self._cancel = self._call_later(seconds, self._on_timer)
        if self._cancel is None:
            self._armed = math.inf
            raise StreamConnectionError("no thread can be started, to keep the time limits")

    def _on_timer(self) -> None:
        self._cancel, self._armed = None, math.inf
        due = self._due
        if due == math.inf:
            return
        left = due - time.monotonic()
        if left <= 0 and self._overdue == due:
            self.has_expired = True
            self._shut_down()
            return
        if left <= 0:
            self._overdue, left = due, _GRACE
        self._arm(due, left)
