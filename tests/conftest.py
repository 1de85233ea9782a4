"""What all tests share.

A test is asynchronous if it is an `async def`: anyio's mode "auto" (see `pyproject.toml`) runs
it, so that no test file carries a mark that its blocking twin would have to lose.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fal_stream.testing import LocalFal


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that asynchronous tests run on."""
    return "asyncio"


@pytest.fixture
def fal() -> Iterator[LocalFal]:
    """A local fal server of the test's own."""
    with LocalFal() as server:
        yield server
