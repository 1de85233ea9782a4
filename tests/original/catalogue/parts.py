"""What scenarios have in common: chunks, errors, and what is seen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.original.scenario import HANGS, KEY, Raised, Seen, Sent

__all__ = [
    "BOTH",
    "FLOW",
    "MADE_UP",
    "ONE",
    "PROXY_URL",
    "SILENT",
    "SYNTAX_ERROR",
    "THROUGH",
    "TOO_EARLY",
    "TOO_EARLY_REASON",
    "TWO",
    "busy",
    "heard_of",
    "options",
    "raising",
    "refused",
    "retry",
    "sent",
    "settings",
    "silent",
]

ONE = {"n": 1}
TWO = {"n": 2}
BOTH = (ONE, TWO)
FLOW = (ONE, {"type": "output", "node_id": "n", "output": 2})
"""Of a workflow, whose `output` is its last event."""

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


def busy(status: int, **more: Any) -> Raised:
    """The error of an answer that says `busy`."""
    return Raised("ApiError", status, {"detail": "busy"}, **more)


def settings(**more: Any) -> Mapping[str, Any]:
    """Settings of a client, with a key."""
    return {"credentials": KEY, **more}


def retry(**fields: Any) -> Mapping[str, Any]:
    """Settings of a client that tries twice more, at once."""
    return settings(retry={"max_retries": 2, "base_delay": 0.01, **fields})


PROXY_URL = "{fal}/acme/proxy/stream"
THROUGH = Sent(
    path="/acme/proxy/stream",
    headers={"x-fal-target-url": "https://fal.run/acme/llm/stream"},
)
"""A request for the endpoint, sent to the proxy."""

MADE_UP = Raised("ApiError", 500, request_id=False)
"""What the original makes of an error that has no status."""

TOO_EARLY = Seen(ending=HANGS, done=MADE_UP, heard=(), unhandled=True, sent=(), request_id=False)
TOO_EARLY_REASON = (
    "In the original, the error comes before `stream()` returns: no listener is "
    "called, and an iteration waits forever. The status 500 is made up."
)
