"""The watchdog: apply the timeouts of a stream, and tell how long it may still wait.

Whoever is about to wait calls `enter`, and `leave` afterwards; waits may be nested. Between two
waits the clock goes on, so that a server that sends much but never a chunk can't hold up the
consumer forever. It stops at `chunk`, when the consumer gets something, until the next wait. The
clock is an argument, so nothing here reads one. The watchdog neither waits nor wakes anyone: `_net`
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
    """How long a stream may wait, in seconds; None switches a limit off.

    Attributes:
        start: Until the response headers are there, connecting included.
        idle: Between two signs of life of a running stream.
        event: Between two chunks, whatever the signs of life.
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
        """The limits of each request of an upload that is done for a stream with these."""
        return Limits(start=self.start, total=self.total, start_renews=True)


class Expired(Exception):
    """A limit ran out.

    Args:
        phase: Which one.
        seconds: The limit in seconds.
    """

    def __init__(self, phase: Phase, seconds: float) -> None:
        super().__init__(phase, seconds)
        self.phase: Phase = phase
        self.seconds = seconds


def _seconds(limit: float | None) -> float:
    return math.inf if limit is None else limit


class Watchdog:
    """Keep the limits of one stream.

    Args:
        limits: The limits in seconds.
        clock: Gives the current time in seconds; must not run backwards.
    """

    __slots__ = (
        "_attempt_due",
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
        self._idle_due = self._event_due = self._attempt_due = math.inf
        self._had_last_read = False
        self._update_fixed_due()

    def enter(self) -> float:
        """Begin to wait.

        A limit that ran out during the wait before is granted one more look, without waiting,
        at what has arrived already: a process that was suspended finds its data there.

        Returns:
            How many seconds to wait at most; 0.0 means to look once and not to wait.

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
        """End the wait; what it took counts, and the clock goes on."""
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
        """Return how many seconds are left, from within a wait; callable from any thread."""
        waited, entered_at = self._waited, self._entered_at
        if entered_at is not None:
            waited += self._clock() - entered_at
        return self._due - waited

    def longest(self) -> float | None:
        """Return how many seconds a single wait may last at most, None where there is no limit."""
        limits = (self._limits.start, self._limits.idle, self._limits.event)
        if self._limits.total is not None:
            return self._limits.total
        if None in limits:
            return None
        return max(*map(_seconds, limits), _seconds(self._limits.idle) + self._limits.idle_grace)

    def expired(self) -> Expired | None:
        """Return which limit has run out, if one has."""
        return self.next_expiry() if self.remaining() <= 0 else None

    def next_expiry(self) -> Expired:
        """Return the error of the limit that runs out first, or has."""
        candidates: tuple[tuple[float, Phase, float | None], ...] = (
            (self._start_due, "start", self._limits.start),
            (self._total_due, "total", self._limits.total),
            (self._event_due, "event", self._limits.event),
            (self._idle_due, "idle", self._limits.idle),
            (self._attempt_due, "start", self._limits.start),
        )
        _, phase, seconds = min(candidates, key=lambda candidate: candidate[0])
        return Expired(phase, _seconds(seconds))

    def progress(self) -> None:
        """A piece of the request went out."""
        if self._limits.start_renews and self._start_due != math.inf:
            self._start_due = self._waited + _seconds(self._limits.start)
            self._update_fixed_due()

    def add_waited(self, seconds: float) -> None:
        """Count time that was waited elsewhere on behalf of the stream, for the total limit."""
        self._total_due -= seconds
        self._update_fixed_due()

    def limit_attempt(self, seconds: float) -> None:
        """Begin a limit of a few seconds for something that is not worth waiting for.

        Where it runs out it is called the start limit, for it is used
        before the stream has started only.

        Args:
            seconds: The limit; infinity for none.
        """
        self._attempt_due = self._waited + seconds
        self._update_fixed_due()

    def started(self) -> None:
        """The response headers are there: the start limit ends, idle and event limits begin."""
        self._start_due = math.inf
        self._left_at = None
        self._idle_due = self._waited + self._idle
        self._event_due = self._waited + self._event
        self._update_fixed_due()

    def on_data(self) -> None:
        """The server showed a sign of life: the idle limit begins anew."""
        self._idle_due = self._waited + self._idle
        self._rearm()

    def on_chunk(self) -> None:
        """A chunk came: idle and event limits begin anew.

        The clock stands still until the next wait, for it is the consumer's time now.
        """
        self._left_at = None
        self._idle = self._idle_of_chunks
        self._idle_due = self._waited + self._idle
        self._event_due = self._waited + self._event
        self._rearm()

    def _update_fixed_due(self) -> None:
        """Take note of a change of the limits that chunks leave as they are."""
        self._fixed_due = min(self._start_due, self._total_due, self._attempt_due)
        self._rearm()

    def _rearm(self) -> None:
        # Compared one by one, which is fastest; this runs for each read.
        due = self._fixed_due
        if self._idle_due < due:
            due = self._idle_due
        if self._event_due < due:
            due = self._event_due
        self._due = due
        if due > self._waited:
            self._had_last_read = False
