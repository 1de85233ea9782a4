"""What the tests of faults share: each leaves nothing behind."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator

import pytest

from fal_stream import AsyncStreamingClient
from fal_stream.testing import LocalFal
from tests.concurrency import async_until
from tests.sockets import open_files, own_threads

from .captured_streams import KEY


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """See that a test leaves no file descriptor and no thread behind."""
    files, threads = open_files(), own_threads()
    yield
    await async_until(lambda: open_files() <= files)
    await async_until(lambda: own_threads() <= threads)


@pytest.fixture
async def client(either_fal: LocalFal) -> AsyncIterator[AsyncStreamingClient]:
    """A client of the test's own server, plain and over TLS, that sends nothing twice."""
    async with AsyncStreamingClient(**either_fal.settings, retry=None) as client:
        yield client


@pytest.fixture
def guarded(tls_context: ssl.SSLContext) -> Iterator[dict[str, LocalFal]]:
    """Servers that know the key, plain and over TLS."""
    with LocalFal(key=KEY) as plain, LocalFal(key=KEY, ssl_context=tls_context) as tls:
        yield {"plain": plain, "tls": tls}
