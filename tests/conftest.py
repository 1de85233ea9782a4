"""What all tests share.

A test is asynchronous if it is an `async def`: anyio's mode "auto" (see `pyproject.toml`) runs
it, so that no test file carries a mark that its blocking twin would have to lose.
"""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that asynchronous tests run on."""
    return "asyncio"
