"""aiohttp, with as little of a parser as will do, and the same JSON decoder as ours."""

# pyright: reportMissingImports=false
# (aiohttp is installed by `nox -s bench` only)

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

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
                    if parts and parts[-1].endswith((b"\n", b"\r")):
                        data = parts.pop() + data
                    if b"\r" in data:
                        data = data.replace(b"\r\n", b"\n")
                    blocks = data.split(b"\n\n")
                    rest = blocks.pop()
                    if blocks and parts:
                        blocks[0] = b"".join([*parts, blocks[0]])
                        parts.clear()
                    if rest:
                        parts.append(rest)
                    for block in blocks:
                        at = block.find(b"{")
                        if at >= 0:
                            yield from_json(block[at:])

        yield stream


@contextlib.asynccontextmanager
async def asynchronous_uploads(base: str) -> AsyncIterator[Callable[[Path], Awaitable[object]]]:
    """Make what uploads files."""
    async with aiohttp.ClientSession() as session:

        async def upload(path: Path) -> None:
            with path.open("rb") as file:
                async with session.put(f"{base}/put", data=file) as response:
                    response.raise_for_status()

        yield upload
