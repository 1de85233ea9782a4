"""What a soak plays: faults of all kinds, drawn at random."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal

from fal_stream import RetryPolicy

from .servers import FAR, SCRIPTS, Places, endpoint_of

__all__ = ["End", "Play", "draw", "settings_of"]

End = Literal["read", "abort", "cancel", "break", "drop"]


@dataclass(frozen=True)
class Play:
    """One stream.

    Attributes:
        what: What is played, in words.
        endpoint: The endpoint.
        options: The options of the stream.
        end: What the consumer does: reads to the end, is aborted, is cancelled (in the blocking
            flavour another thread closes the stream), breaks out of a `with` block, or drops the
            stream.
        delay: Seconds until it is aborted or cancelled.
    """

    what: str
    endpoint: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    end: End = "read"
    delay: float = 0.0


def settings_of(places: Places) -> dict[str, Any]:
    """Give the settings of the client."""
    return {
        "run_url": places.plain,
        "rest_url": places.plain,
        "credentials": places.key,
        "trusted_hosts": [FAR],
        "max_event_bytes": 200_000,
        "retry": RetryPolicy(max_retries=1, base_delay=0.01),
    }


def draw(chance: random.Random, places: Places) -> Play:
    """Draw a stream.

    Args:
        chance: Draws.
        places: The servers.

    Returns:
        The stream.
    """
    end: End = chance.choice(("read", "read", "abort", "cancel", "break", "drop"))
    delay = chance.uniform(0, 0.15)
    options: dict[str, Any] = {"start_timeout": 0.5, "timeout": 0.2, "event_timeout": 0.3}
    if chance.random() < 0.1:
        options["total_timeout"] = 0.1
    kind = chance.choice(("script",) * 6 + ("raw", "proxy", "token", "upload", "provider"))
    name = chance.choice(tuple(SCRIPTS))
    endpoint = endpoint_of(name)
    what = f"{kind}, {name}"
    if kind == "raw":
        name = chance.choice(tuple(places.raw))
        scheme = chance.choice(("http", "https"))
        what = f"{scheme}, {name}"
        options["url"] = f"{scheme}://{places.raw[name]}/"
    elif kind == "proxy":
        options["url"] = f"https://{FAR}/{endpoint}/stream"
    elif kind == "token":
        options["connection_mode"] = "client"
        if chance.random() < 0.3:
            endpoint = "acme/expire"
    elif kind == "upload":
        content = chance.choice((b"fine", b"refuse", b"hang")) + b"x" * chance.randrange(500_000)
        options["input"] = {"file": content}
    elif kind == "provider":
        options["connection_mode"] = "client"
        options["token_provider"] = chance.choice((_fail, _give_none))
    elif chance.random() < 0.5:
        what += ", TLS"
        options["url"] = f"{places.tls}/{endpoint}/stream"
    return Play(what, endpoint, options, end, delay)


def _fail(_: str) -> str:
    raise ValueError("no token today")


def _give_none(_: str) -> Any:
    return None
