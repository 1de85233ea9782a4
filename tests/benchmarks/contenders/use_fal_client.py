"""fal's own Python client. It has https written into its addresses, so these are replaced."""

# pyright: reportMissingImports=false
# (fal-client is installed by `nox -s bench` only)

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import fal_client.client
from fal_client import AsyncClient as FalAsyncClient
from fal_client import SyncClient as FalSyncClient

from . import AsyncClient, Client


@contextlib.contextmanager
def blocking(base: str) -> Iterator[Client]:
    """Make a client."""
    client = FalSyncClient(key="a:b")

    def stream(path: str) -> Iterator[object]:
        fal_client.client.RUN_URL_FORMAT = f"{base}/"
        chunks: Iterator[object] = client.stream(path, {})
        return chunks

    yield stream
    client._client.close()


@contextlib.asynccontextmanager
async def asynchronous(base: str) -> AsyncIterator[AsyncClient]:
    """Make a client."""
    client = FalAsyncClient(key="a:b")

    def stream(path: str) -> AsyncIterator[object]:
        fal_client.client.RUN_URL_FORMAT = f"{base}/"
        chunks: AsyncIterator[object] = client.stream(path, {})
        return chunks

    yield stream
    await (await client._client).aclose()


@contextlib.contextmanager
def blocking_uploads(base: str) -> Iterator[Callable[[Path], object]]:
    """Make what uploads files."""
    fal_client.client.REST_URL = base
    client = FalSyncClient(key="a:b")
    yield lambda path: client.upload_file(path, repository="fal", fallback_repository=[])
    client._client.close()


@contextlib.asynccontextmanager
async def asynchronous_uploads(base: str) -> AsyncIterator[Callable[[Path], Awaitable[object]]]:
    """Make what uploads files."""
    fal_client.client.REST_URL = base
    client = FalAsyncClient(key="a:b")
    yield lambda path: client.upload_file(path, repository="fal", fallback_repository=[])
    await (await client._client).aclose()
