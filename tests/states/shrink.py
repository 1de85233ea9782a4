"""Makes a history shorter that breaks a rule, as long as it breaks the same one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .history import History

__all__ = ["shrink"]

# Chance has a part in each run, so a shorter history gets several.
_TRIES = 5


def shrink(
    history: History,
    breaks: Callable[[History], bool],
    simpler: Callable[[History], list[dict[str, Any]]],
    seconds: float,
) -> History:
    """Give the shortest history that was found in time.

    Args:
        history: One that breaks a rule.
        breaks: Plays a history and tells whether it breaks that rule.
        simpler: Gives simpler setups.
        seconds: How long to try.

    Returns:
        A history, the same one where none is shorter.
    """
    end = time.monotonic() + seconds
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for candidate in _candidates(history, simpler):
            if time.monotonic() > end:
                return history
            if any(breaks(candidate) for _ in range(_TRIES)):
                history, is_shorter = candidate, True
                break
    return history


def _candidates(
    history: History, simpler: Callable[[History], list[dict[str, Any]]]
) -> Iterator[History]:
    size = len(history.steps)
    length = size // 2
    while length:
        for first in range(0, size, length):
            yield history.without(range(first, first + length))
        length //= 2
    for setup in simpler(history):
        yield replace(history, setup=setup)
    for number, step in enumerate(history.steps):
        if step.delay:
            steps = list(history.steps)
            steps[number] = replace(step, delay=0.0)
            yield replace(history, steps=tuple(steps))
