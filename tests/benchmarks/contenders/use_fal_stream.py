"""The client of this project."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from fal_stream import AsyncStorageClient, AsyncStreamingClient, StorageClient, StreamingClient

from ..readings import Model
from ..workloads import Reading
from . import AsyncClient, Client

# As aiohttp's: where thousands of streams are opened one by one, the first is idle for long.
TIMEOUT = 300


def _options(path: str, reading: Reading) -> dict[str, Any]:
    if reading == "typed":
        return {"output_type": Model}
    if reading == "is_final":
        last = int(path.split("/")[2]) - 1
        return {"is_final": lambda chunk: chunk["index"] == last}
    return {}


def _client_of(client: Any, reading: Reading) -> Callable[[str], Any]:
    """Ask a client, of either flavour, for what a consumer wants."""
    if reading == "chunks":
        return lambda path: client.stream(path, input={})

    def stream(path: str) -> Any:
        opened = client.stream(path, input={}, **_options(path, reading))
        if reading == "listener":
            opened.on("data", lambda chunk: None)
        return opened.text("token") if reading == "text" else opened

    return stream


@contextlib.contextmanager
def blocking(base: str, reading: Reading = "chunks") -> Iterator[Client]:
    """Make a client."""
    with StreamingClient(credentials="a:b", run_url=base, timeout=TIMEOUT) as client:
        yield _client_of(client, reading)


@contextlib.asynccontextmanager
async def asynchronous(base: str, reading: Reading = "chunks") -> AsyncIterator[AsyncClient]:
    """Make a client."""
    async with AsyncStreamingClient(credentials="a:b", run_url=base, timeout=TIMEOUT) as client:
        yield _client_of(client, reading)


@contextlib.contextmanager
def blocking_uploads(base: str) -> Iterator[Callable[[Path], object]]:
    """Make what uploads files."""
    with StorageClient(credentials="a:b", rest_url=base) as storage:
        yield storage.upload


@contextlib.asynccontextmanager
async def asynchronous_uploads(base: str) -> AsyncIterator[Callable[[Path], Awaitable[object]]]:
    """Make what uploads files."""
    async with AsyncStorageClient(credentials="a:b", rest_url=base) as storage:
        yield storage.upload
