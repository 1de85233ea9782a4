"""What a scenario is, and what is seen of one: data that the original and fal_stream share.

Promises: everything that can be seen of a run has its place in `Seen`, so two runs that are equal
there did the same. Leaves to others: the scenarios (`catalogue`), their arguments (`given`), the
server (`server`), playing them (`javascript`, `_async`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = [
    "HANGS",
    "KEY",
    "Gives",
    "Plot",
    "Raised",
    "Scenario",
    "Seen",
    "Sent",
    "plain",
]

KEY = "local-id:local-secret"
HANGS: Literal["hangs"] = "hangs"

Plot: TypeAlias = Literal[
    "read",
    "done first",
    "done again",
    "iterate again",
    "take turns",
    "break",
    "abort at once",
    "abort after a chunk",
    "abort at the end",
    "signal after a chunk",
    "signal before",
    "listener raises",
    "listeners in order",
    "keep time",
    "upload",
]
"""What the user's code does with the stream; the players say what each means."""


@dataclass(frozen=True)
class Raised:
    """An error.

    Args:
        name: The name of its class.
        status: Its HTTP status, if it has one.
        body: The body of the answer, if it has one.
        fields: What a validation error says of the fields.
        user_timeout: Whether it says that the caller's own limit ran out.
        request_id: Whether it has the server's id of the request.
    """

    name: str
    status: int | None = None
    body: Any = None
    fields: Sequence[Mapping[str, Any]] | None = None
    user_timeout: bool = False
    request_id: bool = True


@dataclass(frozen=True)
class Gives:
    """The value that `done()` gave."""

    value: Any


@dataclass(frozen=True)
class Sent:
    """A request as it came to the server.

    Args:
        method: The HTTP method.
        path: The path without the query.
        query: The query.
        body: The body: JSON as its value, other bytes as they are; None: no body.
        authorization: The header field of that name.
        content_type: The header field of that name.
        headers: The header fields whose names begin with `x-`.
    """

    method: str = "POST"
    path: str = "/acme/llm/stream"
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = field(default_factory=lambda: {"prompt": "Hi"})
    authorization: str | None = f"Key {KEY}"
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Seen:
    """What is seen of one run of a scenario.

    Args:
        chunks: What the iteration gave.
        ending: How the iteration ended.
        done: How `done()` ended. Default: as the iteration did, with its last chunk.
        heard: What listeners of each type heard, in order. Default: what follows from the others.
        unhandled: Whether a rejection is left that nobody handles, of which Node.js dies.
        sent: What the server was sent.
        request_id: Whether the stream knows the server's id of the last request.
        facts: What else the scenario looks at.
    """

    chunks: Sequence[Any] = ()
    ending: Raised | Literal["ends", "hangs", "not read"] = "ends"
    done: Gives | Raised | Literal["hangs"] | None = None
    heard: Sequence[tuple[str, Any]] | None = None
    unhandled: bool = False
    sent: Sequence[Sent] = (Sent(),)
    request_id: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def whole(self) -> Seen:
        """Give what is seen with every default filled in."""
        done = self.done
        if done is None and isinstance(self.ending, Raised):
            done = self.ending
        elif done is None:
            done = Gives(self.chunks[-1] if self.chunks else None)
        heard = self.heard
        if heard is None:
            heard = [(kind, chunk) for chunk in self.chunks for kind in ("data", "message")]
            if isinstance(done, Gives):
                heard.append(("done", done.value))
            elif isinstance(done, Raised):
                heard.append(("error", done))
        return Seen(
            self.chunks,
            self.ending,
            done,
            heard,
            self.unhandled,
            self.sent,
            self.request_id,
            self.facts,
        )


@dataclass(frozen=True)
class Scenario:
    """One thing that a user can run into.

    Args:
        name: What it is, for the table.
        script: What the server answers, by endpoint id, or by path with a slash before it;
            `acme/llm` where it is not a mapping.
        original: What is seen of `@fal-ai/client`.
        ours: What is seen of fal_stream. Default: the same.
        reason: Why the two differ.
        plot: What the user's code does.
        endpoint_id: The endpoint.
        options: The options of the stream, by their Python names. In an address,
            `{fal}` stands for the server, `{stranger}` for a host that is neither fal's nor
            named, and `{nobody}` for an address where nobody listens.
        settings: The settings of the client, by their Python names.
        watch: What `facts` look at besides those of the plot: `hosts` that were asked, `calls`
            of functions of the user's, the `end` of the last request as its server saw it, and
            the `accept` field of that request.
    """

    name: str
    script: Any
    original: Seen
    ours: Seen | None = None
    reason: str = ""
    plot: Plot = "read"
    endpoint_id: str = "acme/llm"
    options: Mapping[str, Any] = field(default_factory=lambda: {"input": {"prompt": "Hi"}})
    settings: Mapping[str, Any] = field(default_factory=lambda: {"credentials": KEY})
    watch: frozenset[Literal["accept", "calls", "end", "hosts"]] = frozenset()

    @property
    def expected(self) -> Seen:
        """What is expected of fal_stream."""
        return self.original if self.ours is None else self.ours

    @property
    def scripts(self) -> Mapping[str, Any]:
        """The scripts by endpoint id."""
        return self.script if isinstance(self.script, Mapping) else {"acme/llm": self.script}

    def __str__(self) -> str:
        return self.name


def plain(value: Any) -> Any:
    """Write anything that was seen in JSON values, the same for all players.

    Args:
        value: JSON values, bytes, and the dataclasses of this module, at any depth.

    Returns:
        JSON values.
    """
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, Gives):
        return {"gives": plain(value.value)}
    if isinstance(value, (Raised, Sent, Seen)):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
