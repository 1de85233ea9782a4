"""A long run in parts, each of which can have a process of its own."""

from __future__ import annotations

import faulthandler
import warnings
from collections.abc import Iterator

from .runner import Span, run
from .targets import TARGETS

__all__ = ["parts", "run_part"]

# A part of a run is as long as this at most, so that the processes have about the same to do.
_MOST = {"client": 1000}
_USUAL_MOST = 50_000

# A part that takes longer than this hangs (seconds): it is ended, and shows where it was.
_HANG = 1800


def parts(name: str, span: Span) -> Iterator[Span]:
    """Cut a run into parts.

    Args:
        name: The name of the target.
        span: All cases.

    Yields:
        The cases of each part.
    """
    most = _MOST.get(name, _USUAL_MOST)
    end = span.first + span.length
    for first in range(span.first, end, most):
        yield Span(span.seed, first, min(most, end - first))


def run_part(name: str, span: Span) -> float:
    """Run a part in this process; a warning counts as an error.

    Args:
        name: The name of the target.
        span: The cases.

    Returns:
        How long it took, in seconds.

    Raises:
        Difference: A case did not come out as it has to.
    """
    warnings.simplefilter("error")
    faulthandler.dump_traceback_later(_HANG, exit=True)
    try:
        return run(name, TARGETS[name], span)
    finally:
        faulthandler.cancel_dump_traceback_later()
