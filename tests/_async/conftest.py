"""What the tests of the client share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fal_stream import AsyncStreamingClient
from fal_stream.testing import LocalFal


@pytest.fixture
async def client(fal: LocalFal) -> AsyncIterator[AsyncStreamingClient]:
    """A client for the test's own server."""
    async with AsyncStreamingClient(**fal.settings, retry=None) as client:
        yield client
