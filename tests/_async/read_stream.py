"""Reading a stream to its end, whatever the end is."""

from __future__ import annotations

from typing import Any, NamedTuple

from fal_stream import AsyncFalStream, FalStreamError


class Outcome(NamedTuple):
    """What a stream gave, and the error that ended it."""

    chunks: list[Any]
    error: FalStreamError | None


async def read(stream: AsyncFalStream[Any]) -> Outcome:
    """Iterate a stream to its end."""
    chunks: list[Any] = []
    try:
        async for chunk in stream:
            chunks.append(chunk)  # noqa: PERF401 - what came before an error counts
    except FalStreamError as error:
        return Outcome(chunks, error)
    return Outcome(chunks, None)
