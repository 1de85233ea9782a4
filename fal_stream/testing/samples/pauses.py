"""The pause between the chunks of a sample."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fal_stream.testing.checks import check_seconds
from fal_stream.testing.steps import Pause

__all__ = ["with_pauses"]


def with_pauses(chunks: Iterable[Any], pause: float) -> list[Any]:
    """Return chunks with a pause between each two of them.

    Args:
        chunks: The chunks.
        pause: The length of a pause (seconds); 0 for no pauses.

    Raises:
        ConfigError: The pause is not a number of seconds.
    """
    check_seconds("pause", pause)
    if not pause:
        return list(chunks)
    steps: list[Any] = []
    for chunk in chunks:
        steps += [Pause(pause), chunk]
    return steps[1:]
