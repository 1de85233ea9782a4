"""The client of this project."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

from fal_stream import AsyncStreamingClient, StreamingClient

from . import AsyncClient, Client


@contextlib.contextmanager
def blocking(base: str) -> Iterator[Client]:
    """Make a client."""
    with StreamingClient(credentials="a:b", run_url=base) as client:
        yield lambda path: client.stream(path, input={})


@contextlib.asynccontextmanager
async def asynchronous(base: str) -> AsyncIterator[AsyncClient]:
    """Make a client."""
    async with AsyncStreamingClient(credentials="a:b", run_url=base) as client:
        yield lambda path: client.stream(path, input={})
