"""The targets, by name, and how many cases a long run of each has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from . import client, endpoints, errors, events, framing, headers, json_text
from .runner import Check, Target

__all__ = ["LONG_RUNS", "TARGETS"]


def _pure(check: Check) -> Target:
    """Make a target of a check that needs nothing around it."""

    @contextlib.contextmanager
    def target() -> Iterator[Check]:
        yield check

    return target


TARGETS: dict[str, Target] = {
    "events": _pure(events.check),
    "framing": _pure(framing.check),
    "endpoints": _pure(endpoints.check),
    "headers": _pure(headers.check),
    "errors": _pure(errors.check),
    "json": _pure(json_text.check),
    "client": client.target,
}

LONG_RUNS: dict[str, int] = {
    "events": 1_000_000,
    "framing": 300_000,
    "endpoints": 1_000_000,
    "headers": 300_000,
    "errors": 200_000,
    "json": 300_000,
    "client": 20_000,
}
