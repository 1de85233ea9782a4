"""Run a stream to its end and capture everything that is shown of it.

Leaves to others: what the server answers, and the search.
"""

from __future__ import annotations

from typing import Any

from fal_stream import AsyncStreamingClient
from tests.faults.captured_output import CapturedOutput

__all__ = ["KEY", "MODES", "PROVIDED_TOKEN", "SECRET", "capture_stream"]

KEY = "0f5e3c1d-key-id:8b1d~secret.of-the_key"
SECRET = KEY.partition(":")[2]
PROVIDED_TOKEN = "eyJ0eXAi.token-that-a-provider.gives"

MODES: dict[str, dict[str, Any]] = {
    "by the key": {},
    "by a token": {"connection_mode": "client"},
    "by a given token": {
        "connection_mode": "client",
        "token_provider": lambda path: PROVIDED_TOKEN,
    },
    "with a file": {"input": {"image": b"a picture"}},
}


async def capture_stream(
    captured: CapturedOutput, client: AsyncStreamingClient, options: dict[str, Any]
) -> None:
    """Run a stream, and show whatever there is of it."""
    stream = client.stream("acme/app", **options)
    heard: list[Any] = []
    for kind in ("data", "error", "done"):
        stream.on(kind, heard.append)
    captured.value(stream)
    try:
        async for chunk in stream:
            captured.value(chunk)
    except Exception as error:
        captured.error(error)
    for value in (stream, stream.url, stream.config, client, heard, stream.response_headers):
        captured.value(value)
