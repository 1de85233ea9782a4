"""What scenarios have in common: chunks, errors, and what is seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.original.scenario import Raised, Seen, Sent

__all__ = [
    "BOTH",
    "ONE",
    "SILENT",
    "SYNTAX_ERROR",
    "TWO",
    "heard_of",
    "options",
    "raising",
    "refused",
    "sent",
    "silent",
]

ONE = {"n": 1}
TWO = {"n": 2}
BOTH = (ONE, TWO)

SYNTAX_ERROR = Raised("SyntaxError", request_id=False)

SILENT = "The original is silent."
"""The page says above the table what that means."""


def options(**given: Any) -> dict[str, Any]:
    """Give the options of a stream, with an input."""
    return {"input": {"prompt": "Hi"}, **given}


def heard_of(*chunks: Any) -> list[tuple[str, Any]]:
    """Say what listeners hear of chunks."""
    return [(kind, chunk) for chunk in chunks for kind in ("data", "message")]


def silent(error: Raised, *chunks: Any) -> Seen:
    """An error that only `done()` and listeners tell of."""
    heard = [*heard_of(*chunks), ("error", error)]
    return Seen(chunks, done=error, heard=heard, unhandled=True)


def raising(error: Raised, *chunks: Any) -> Seen:
    """An error that is raised after the chunks before it."""
    return Seen(chunks, ending=error)


def refused(name: str) -> Seen:
    """A stream that was refused before anything was sent."""
    error = Raised(name, request_id=False)
    return Seen(ending=error, heard=(), sent=(), request_id=False)


def sent(**fields: Any) -> Sequence[Sent]:
    """One request."""
    return (Sent(**fields),)
