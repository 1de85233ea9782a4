"""One fault: what the server plays, and what has to come of it."""

from __future__ import annotations

from dataclasses import dataclass

from fal_stream import FalStreamError
from fal_stream.testing import Script

__all__ = ["Fault"]


@dataclass(frozen=True)
class Fault:
    """A script, and how a stream of it has to end.

    Attributes:
        script: What the server plays.
        error: The exact type of the error that ends the stream; None for a success.
        chunks: What comes before the end.
        says: A regular expression that is found in the error.
    """

    script: Script
    error: type[FalStreamError] | None
    chunks: tuple[object, ...] = ()
    says: str = ""
