"""`RetryPolicy`: which requests are retried, and after which delay.

Promises: by default a request is retried only if the one before can't have run: none of its bytes
was sent, or the server refused it (429, 503). Everything here is pure: time and random numbers are
arguments.

Not here: whether a failure is transient (`_shared/connection_hints.py`); sending and waiting
(`_async/dispatch.py`, for files `_async/upload_requests.py`). All tries share the stream's
`start_timeout`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from . import _checks
from .errors import ConfigError

# The statuses after which nothing has run: too many requests, and no available machine.
NOT_STARTED_STATUSES = frozenset({429, 503})

_SECONDS = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class RetryPolicy:
    """Which requests are retried, how often and after which delay.

    The fields are those of the JavaScript client's `RetryOptions`; times are in seconds.

    Args:
        max_retries: How many times a request is retried, at most. Default 3; 0 for never.
        base_delay: Seconds before the first retry. Default 1.
        max_delay: The longest delay in seconds, also for `Retry-After`. Default 30.
        backoff_multiplier: The factor by which each delay is longer than the one before. Default 2.
        retryable_status_codes: The HTTP statuses that are retried. Default 429 and 503, which mean
            that the request was refused. With others, such as 502 and 504, the model may run twice.
        enable_jitter: Whether each delay is changed at random by up to a quarter, so that many
            clients don't retry at the same moment. Default True.

    Raises:
        ConfigError: A field has a value that can't be used.
    """

    max_retries: int = 3
    base_delay: float = 1.0
    max_delay: float = 30.0
    backoff_multiplier: float = 2.0
    retryable_status_codes: Collection[int] = NOT_STARTED_STATUSES
    enable_jitter: bool = True

    def __post_init__(self) -> None:
        _checks.check_whole("max_retries", self.max_retries, 0)
        _checks.check_number("base_delay", self.base_delay, 0.0)
        _checks.check_number("max_delay", self.max_delay, 0.0)
        _checks.check_number("backoff_multiplier", self.backoff_multiplier, 1.0)
        codes = self.retryable_status_codes
        if not isinstance(codes, (list, tuple, set, frozenset)):
            raise _bad_codes(codes)
        for code in codes:
            if isinstance(code, bool) or not isinstance(code, int) or not 400 <= code <= 599:
                raise _bad_codes(codes)
        object.__setattr__(self, "retryable_status_codes", frozenset(codes))
        _checks.check_bool("enable_jitter", self.enable_jitter)
        _checks.warn_of_long_times({"base_delay": self.base_delay, "max_delay": self.max_delay})

    def backoff(self, retry: int, chance: float) -> float:
        """Return the seconds to wait before a retry.

        Args:
            retry: Which one, 0 for the first.
            chance: A random number from 0 to 1.

        Returns:
            The seconds.
        """
        try:
            delay = min(self.base_delay * self.backoff_multiplier**retry, self.max_delay)
        except OverflowError:
            delay = self.max_delay
        if self.enable_jitter:
            delay *= 0.75 + 0.5 * chance
        return min(delay, self.max_delay)

    def delay_after_answer(
        self, retry: int, status: int, headers: Mapping[str, str], *, now: float, chance: float
    ) -> float | None:
        """Return the seconds to wait after an answer before the request is sent again.

        Args:
            retry: Which retry it would be, 0 for the first.
            status: The HTTP status.
            headers: The response headers, names in lower case.
            now: The time in seconds since the epoch.
            chance: A random number from 0 to 1.

        Returns:
            The seconds, those of `Retry-After` (RFC 9110, section 10.2.3) if it is there; None
            where the request is not to be sent again: the retries are used up, the status is
            none of those, the server says so (`X-Fal-Retryable: false`), or the limit that ran
            out was the caller's own (a 504 of type `user`).
        """
        if retry >= self.max_retries or status not in self.retryable_status_codes:
            return None
        if headers.get("x-fal-retryable", "").strip().lower() in ("false", "0"):
            return None
        if status == 504 and headers.get("x-fal-request-timeout-type") == "user":
            return None
        retry_after = parse_retry_after(headers.get("retry-after", ""), now)
        return (
            self.backoff(retry, chance) if retry_after is None else min(retry_after, self.max_delay)
        )

    def delay_after_failure(self, retry: int, *, sent: bool, chance: float) -> float | None:
        """Return the seconds to wait after a failed connection before the request is sent again.

        Args:
            retry: Which retry it would be, 0 for the first.
            sent: Whether a byte of the request was sent.
            chance: A random number from 0 to 1.

        Returns:
            The seconds, or None where the request is not to be sent again.
        """
        if sent or retry >= self.max_retries:
            return None
        return self.backoff(retry, chance)


def _bad_codes(codes: object) -> ConfigError:
    return ConfigError(
        f"retryable_status_codes={_checks.short_repr(codes)} must be a list of HTTP statuses "
        "from 400 to 599"
    )


def parse_retry_after(value: str, now: float) -> float | None:
    """Read a `Retry-After` header (RFC 9110, section 10.2.3).

    Args:
        value: Its value: whole seconds, or a date.
        now: The time in seconds since the epoch.

    Returns:
        The seconds to wait, 0 for a date in the past; None for anything else.
    """
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value) if len(value) < 16 else math.inf
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
