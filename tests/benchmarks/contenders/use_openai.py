"""OpenAI's client, asked for plain objects so that it decodes the same payload as all others."""

# pyright: reportMissingImports=false
# (openai is installed by `nox -s bench` only)

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

from openai import AsyncOpenAI, AsyncStream, OpenAI, Stream

from . import AsyncClient, Client


@contextlib.contextmanager
def blocking(base: str) -> Iterator[Client]:
    """Make a client."""
    with OpenAI(api_key="key", base_url=base) as client:

        def stream(path: str) -> Iterator[object]:
            with client.post(
                f"/{path}/stream",
                body={},
                cast_to=object,
                stream=True,
                stream_cls=Stream[object],
            ) as chunks:
                yield from chunks

        yield stream


@contextlib.asynccontextmanager
async def asynchronous(base: str) -> AsyncIterator[AsyncClient]:
    """Make a client."""
    async with AsyncOpenAI(api_key="key", base_url=base) as client:

        async def stream(path: str) -> AsyncIterator[object]:
            chunks = await client.post(
                f"/{path}/stream",
                body={},
                cast_to=object,
                stream=True,
                stream_cls=AsyncStream[object],
            )
            async with chunks:
                async for chunk in chunks:
                    yield chunk

        yield stream
