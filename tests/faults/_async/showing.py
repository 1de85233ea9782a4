"""A stream run to its end, and whatever there is of it kept in a trail.

Leaves to others: what the server answers, and the search.
"""

from __future__ import annotations

from typing import Any

from fal_stream import AsyncStreamingClient
from tests.faults.trail import Trail

__all__ = ["GIVEN", "KEY", "MODES", "SECRET", "show"]

KEY = "0f5e3c1d-key-id:8b1d~secret.of-the_key"
SECRET = KEY.partition(":")[2]
GIVEN = "eyJ0eXAi.token-that-a-provider.gives"

MODES: dict[str, dict[str, Any]] = {
    "by the key": {},
    "by a token": {"connection_mode": "client"},
    "by a given token": {"connection_mode": "client", "token_provider": lambda path: GIVEN},
    "with a file": {"input": {"image": b"a picture"}},
}


async def show(trail: Trail, client: AsyncStreamingClient, options: dict[str, Any]) -> None:
    """Run a stream, and show whatever there is of it."""
    stream = client.stream("acme/app", **options)
    heard: list[Any] = []
    for kind in ("data", "error", "done"):
        stream.on(kind, heard.append)
    trail.value(stream)
    try:
        async for chunk in stream:
            trail.value(chunk)
    except Exception as error:
        trail.error(error)
    for value in (stream, stream.url, stream.config, client, heard, stream.response_headers):
        trail.value(value)
