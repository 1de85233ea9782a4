"""aiohttp, with as little of a parser as will do, and the same JSON decoder as ours."""

# pyright: reportMissingImports=false
# (aiohttp is installed by `nox -s bench` only)

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
from pydantic_core import from_json

from . import AsyncClient


@contextlib.asynccontextmanager
async def asynchronous(base: str) -> AsyncIterator[AsyncClient]:
    """Make a client."""
    limits = aiohttp.TCPConnector(limit=0)
    # Without `trust_env`, which reads a file in a thread for each request.
    async with aiohttp.ClientSession(connector=limits, read_bufsize=256 * 1024) as session:

        async def stream(path: str) -> AsyncIterator[object]:
            async with session.post(f"{base}/{path}/stream", json={}) as response:
                parts: list[bytes] = []
                async for data in response.content.iter_any():
                    if parts and parts[-1].endswith(b"\n"):
                        data = parts.pop() + data
                    blocks = data.split(b"\n\n")
                    rest = blocks.pop()
                    if blocks and parts:
                        blocks[0] = b"".join([*parts, blocks[0]])
                        parts.clear()
                    if rest:
                        parts.append(rest)
                    for block in blocks:
                        yield from_json(block[6:])

        yield stream
