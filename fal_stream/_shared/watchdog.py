"""The watchdog: apply the timeouts of a stream, and tell how long it may still wait.

The exchange calls `enter` before each wait, and `leave` after it; waits may be nested. The clock
also runs between two waits, so that a server that sends much but never a chunk can't block the
consumer forever. It stops at `on_chunk`, when the consumer gets a chunk, until the next wait. The
clock is an argument, so this module is pure. The watchdog neither waits nor wakes a waiter: `_net`
does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["start", "idle", "event", "total"]

OPTION_OF_PHASE: dict[Phase, str] = {
    "start": "start_timeout",
    "idle": "timeout",
    "event": "event_timeout",
    "total": "total_timeout",
}


@dataclass(frozen=True)
class Limits:
    """The limits of how long a stream may wait (seconds); None, the default, is no limit.

    Attributes:
        start: Until the response head arrives, connecting included.
        idle: Between two signs of life of a running stream.
        event: Between two chunks, even if there are signs of life.
        total: From the first wait to the end.
        idle_grace: How much longer than `idle` is really waited.
        idle_from_first_chunk: Whether the idle limit begins with the first chunk only, not with
            the response headers.
        start_renews: Whether the start limit begins anew with each piece of the request that
            goes out, as it does for an upload, which may be long.
    """

    start: float | None = None
    idle: float | None = None
    event: float | None = None
    total: float | None = None
    idle_grace: float = 0.0
    idle_from_first_chunk: bool = False
    start_renews: bool = False

    @property
    def of_uploads(self) -> Limits:
        """The limits of each request of an upload for a stream with these limits."""
        return Limits(start=self.start, total=self.total, start_renews=True)


class Expired(Exception):
    """A limit ran out.

    Args:
        phase: The limit that ran out.
        seconds: The value of the limit (seconds).
    """

    def __init__(self, phase: Phase, seconds: float) -> None:
        super().__init__(phase, seconds)
        self.phase: Phase = phase
        self.seconds = seconds


def _seconds(limit: float | None) -> float:
    return math.inf if limit is None else limit


class Watchdog:
    """Applies the limits of one stream.

    Args:
        limits: The limits.
        clock: Returns the current time (seconds); must not run backwards.
    """

    __slots__ = (
        "_body_due",
        "_clock",
        "_depth",
        "_due",
        "_entered_at",
        "_event",
        "_event_due",
        "_fixed_due",
        "_had_last_read",
        "_idle",
        "_idle_due",
        "_idle_of_chunks",
        "_left_at",
        "_limits",
        "_start_due",
        "_total_due",
        "_waited",
    )

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._idle_of_chunks = _seconds(limits.idle) + limits.idle_grace
        self._idle = math.inf if limits.idle_from_first_chunk else self._idle_of_chunks
        self._event = _seconds(limits.event)
        self._waited = 0.0
        self._depth = 0
        self._entered_at: float | None = None
        self._left_at: float | None = None
        self._start_due = _seconds(limits.start)
        self._total_due = _seconds(limits.total)
        self._idle_due = self._event_due = self._body_due = math.inf
        self._had_last_read = False
        self._update_fixed_due()

    def enter(self) -> float:
        """Begin a wait, and return the longest time that it may take (seconds).

        If a limit ran out during the last wait, the first call returns 0.0, to read without waiting
        what has arrived already: if the process was suspended, there may be data.

        Raises:
            Expired: A limit has run out.
        """
        now = self._clock()
        since = self._left_at if self._entered_at is None else self._entered_at
        if since is not None:
            self._waited += now - since
            self._left_at = None
            if self._depth:
                self._entered_at = now
        left = self._due - self._waited
        if left <= 0:
            if self._had_last_read:
                raise self.next_expiry()
            self._had_last_read = True
            left = 0.0
        self._depth += 1
        self._entered_at = now
        return left

    def leave(self) -> None:
        """End a wait, whose time counts; the clock continues to run."""
        if self._entered_at is None:
            return
        now = self._clock()
        self._waited += now - self._entered_at
        self._depth -= 1
        if self._depth:
            self._entered_at = now
        else:
            self._entered_at, self._left_at = None, now

    def remaining(self) -> float:
        """Return how many seconds are left of the current wait; callable from any thread."""
        waited, entered_at = self._waited, self._entered_at
        if entered_at is not None:
            waited += self._clock() - entered_at
        return self._due - waited

    def longest(self) -> float | None:
        """Return the longest time that a single wait may take (seconds), or None for no limit."""
        limits = (self._limits.start, self._limits.idle, self._limits.event)
        if self._limits.total is not None:
            return self._limits.total
        if None in limits:
            return None
        return max(*map(_seconds, limits), _seconds(self._limits.idle) + self._limits.idle_grace)

    def expired(self) -> Expired | None:
        """Return the error of a limit that has run out, or None."""
        return self.next_expiry() if self.remaining() <= 0 else None

    def next_expiry(self) -> Expired:
        """Return the error of the limit that runs out first."""
        candidates: tuple[tuple[float, Phase, float | None], ...] = (
            (self._start_due, "start", self._limits.start),
            (self._total_due, "total", self._limits.total),
            (self._event_due, "event", self._limits.event),
            (self._idle_due, "idle", self._limits.idle),
            (self._body_due, "start", self._limits.start),
        )
        _, phase, seconds = min(candidates, key=lambda candidate: candidate[0])
        return Expired(phase, _seconds(seconds))

    def on_progress(self) -> None:
        """Note that a piece of the request was sent: restart the start limit, if it renews."""
        if self._limits.start_renews and self._start_due != math.inf:
            self._start_due = self._waited + _seconds(self._limits.start)
            self._update_fixed_due()

    def add_waited(self, seconds: float) -> None:
        """Count time that was spent elsewhere for the stream towards the total limit (seconds)."""
        self._total_due -= seconds
        self._update_fixed_due()

    def limit_body(self, seconds: float) -> None:
        """Set an additional limit for a short step, such as reading the body of an error.

        If it runs out, the error names the start limit, because it is only used before the stream
        has started.

        Args:
            seconds: The limit (seconds); infinity for none.
        """
        self._body_due = self._waited + seconds
        self._update_fixed_due()

    def on_start(self) -> None:
        """End the start limit, and start the idle and event limits: the response head is there."""
        self._start_due = math.inf
        self._left_at = None
        self._idle_due = self._waited + self._idle
        self._event_due = self._waited + self._event
        self._update_fixed_due()

    def on_data(self) -> None:
        """Restart the idle limit: there was a sign of life."""
        self._idle_due = self._waited + self._idle
        self._rearm()

    def on_chunk(self) -> None:
        """A chunk came: idle and event limits begin anew.

        The clock stops until the next wait, because the consumer's own work doesn't count.
        """
        self._left_at = None
        self._idle = self._idle_of_chunks
        self._idle_due = self._waited + self._idle
        self._event_due = self._waited + self._event
        self._rearm()

    def _update_fixed_due(self) -> None:
        """Compute the earliest of the limits that chunks don't restart."""
        self._fixed_due = min(self._start_due, self._total_due, self._body_due)
        self._rearm()

    def _rearm(self) -> None:
        # Comparing one by one is the fastest way; this runs for each read.
        due = self._fixed_due
        if self._idle_due < due:
            due = self._idle_due
        if self._event_due < due:
            due = self._event_due
        self._due = due
        if due > self._waited:
            self._had_last_read = False
