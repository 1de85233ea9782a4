"""Mixed faults by one client: nothing is left of them, and the client streams still."""

from __future__ import annotations

import pytest

from tests.concurrency import async_until, until
from tests.sockets import open_files, own_threads

from . import asynchronous, blocking
from .run import leaks
from .servers import started

FAULTS, WARM_UP = 60, 40

# How long idle connections are kept here (seconds).
KEPT = 0.2

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def test_blocking() -> None:
    files, threads = open_files(), own_threads()
    with started() as places:
        before, after, ends = blocking.soak(places, FAULTS, 1, WARM_UP, 3 * KEPT)
        assert leaks(before, after) == []
        assert after.at_work == 0
        assert len(ends) > 8
    until(lambda: open_files() <= files)
    until(lambda: own_threads() <= threads)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_asynchronous() -> None:
    files, threads = open_files(), own_threads()
    with started() as places:
        before, after, ends = await asynchronous.soak(places, FAULTS, 1, WARM_UP, 3 * KEPT)
        assert leaks(before, after) == []
        assert after.at_work == 0
        assert len(ends) > 8
    await async_until(lambda: open_files() <= files)
    await async_until(lambda: own_threads() <= threads)
