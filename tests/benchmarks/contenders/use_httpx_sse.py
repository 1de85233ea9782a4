"""httpx with httpx-sse, and the same JSON decoder as ours."""

# pyright: reportMissingImports=false
# (httpx-sse is installed by `nox -s bench` only)

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import httpx
from httpx_sse import aconnect_sse, connect_sse
from pydantic_core import from_json

from . import AsyncClient, Client

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)


@contextlib.contextmanager
def blocking(base: str) -> Iterator[Client]:
    """Make a client."""
    with httpx.Client(limits=LIMITS, timeout=60) as client:

        def stream(path: str) -> Iterator[object]:
            with connect_sse(client, "POST", f"{base}/{path}/stream", json={}) as source:
                for event in source.iter_sse():
                    yield from_json(event.data)

        yield stream


@contextlib.asynccontextmanager
async def asynchronous(base: str) -> AsyncIterator[AsyncClient]:
    """Make a client."""
    async with httpx.AsyncClient(limits=LIMITS, timeout=60) as client:

        async def stream(path: str) -> AsyncIterator[object]:
            async with aconnect_sse(client, "POST", f"{base}/{path}/stream", json={}) as source:
                async for event in source.aiter_sse():
                    yield from_json(event.data)

        yield stream
