"""httpx, which uploads a file by one request, read from it in pieces."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx

PIECE = 64 * 1024


def size_of(path: Path) -> int:
    """Give how many bytes a file has."""
    return path.stat().st_size


@contextlib.contextmanager
def blocking_uploads(base: str) -> Iterator[Callable[[Path], object]]:
    """Make what uploads files."""
    with httpx.Client(timeout=60) as client:

        def upload(path: Path) -> None:
            with path.open("rb") as file:
                client.put(f"{base}/put", content=file).raise_for_status()

        yield upload


@contextlib.asynccontextmanager
async def asynchronous_uploads(base: str) -> AsyncIterator[Callable[[Path], Awaitable[object]]]:
    """Make what uploads files."""
    async with httpx.AsyncClient(timeout=60) as client:

        async def upload(path: Path) -> None:
            # The event loop waits while it is read, which is the cheapest way.
            async def pieces() -> AsyncIterator[bytes]:
                with path.open("rb") as file:
                    while piece := file.read(PIECE):
                        yield piece

            headers = {"content-length": str(size_of(path))}
            answer = await client.put(f"{base}/put", content=pieces(), headers=headers)
            answer.raise_for_status()

        yield upload
