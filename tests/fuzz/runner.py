"""Runs a target on case after case; a case is found again by its seed and number."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random
from typing import NamedTuple, TypeAlias

__all__ = ["Check", "Difference", "Span", "Target", "chance_of", "run"]

Check: TypeAlias = Callable[[Random], None]
"""Makes one case up and looks at what comes of it."""

Target: TypeAlias = Callable[[], AbstractContextManager[Check]]
"""Gives the check of a target, for as long as the context lasts."""


class Span(NamedTuple):
    """The cases of a run.

    Attributes:
        seed: What all of them are made up from.
        first: The number of the first one.
        length: How many there are.
    """

    seed: int
    first: int
    length: int


class Difference(AssertionError):
    """A case did not come out as it has to; the message says which, and how to play it again."""


def chance_of(seed: int, number: int) -> Random:
    """Give the source of chance of one case."""
    return Random((seed << 40) + number)


def run(name: str, target: Target, span: Span) -> float:
    """Run a target.

    Args:
        name: The target's name.
        target: The target.
        span: The cases.

    Returns:
        How long it took, in seconds.

    Raises:
        Difference: A case did not come out as it has to; its cause says why.
    """
    begun = time.monotonic()
    with target() as check:
        for number in range(span.first, span.first + span.length):
            try:
                check(chance_of(span.seed, number))
            except Exception as error:
                raise Difference(
                    f"{name}: case {number} of seed {span.seed}: {type(error).__name__}: "
                    f"{str(error)[:2000]}\nAgain: python -m tests.fuzz {name} "
                    f"--seed {span.seed} --first {number} --count 1"
                ) from error
    return time.monotonic() - begun
