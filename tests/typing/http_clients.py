"""Which HTTP clients a client takes; those of httpx2 have the same interface.

Each `ignore` has to be of use, as in `names`.
"""

from __future__ import annotations

import httpx

from fal_stream import AsyncStorageClient, AsyncStreamingClient, StorageClient, StreamingClient


def taken(blocking: httpx.Client, asynchronous: httpx.AsyncClient) -> None:
    StreamingClient(http_client=blocking)
    StorageClient(http_client=blocking)
    AsyncStreamingClient(http_client=asynchronous)
    AsyncStorageClient(http_client=asynchronous)


def refused(blocking: httpx.Client, asynchronous: httpx.AsyncClient) -> None:
    StreamingClient(http_client=asynchronous)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
    AsyncStreamingClient(http_client=blocking)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
    StreamingClient(http_client=3)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
    AsyncStreamingClient(http_client=httpx)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
