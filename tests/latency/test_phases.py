"""Row 28: an abort in each phase, from everywhere; `measure` plays the same, and keeps the time."""

from __future__ import annotations

import pytest

from tests.concurrency import async_until, until
from tests.sockets import open_files, own_threads

from . import asynchronous, blocking
from .origins import origins_of
from .phase_servers import Wire, set_up
from .phases import PHASES, Phase

# Until a wait has begun that nothing can be seen of (seconds).
SETTLED = 0.03

CASES = [
    pytest.param(phase, wire, id=f"{name}-{wire}")
    for name, phase in PHASES.items()
    for wire in phase.wires
]


@pytest.mark.parametrize(("phase", "wire"), CASES)
def test_blocking(phase: Phase, wire: Wire) -> None:
    files, threads = open_files(), own_threads()
    with set_up(wire, "blocking") as setting, phase.make(setting) as stage:
        blocking.abort_all(stage, origins_of("blocking"), 1, SETTLED)
    until(lambda: open_files() <= files)
    until(lambda: own_threads() <= threads)


@pytest.mark.parametrize(("phase", "wire"), CASES)
async def test_asyncio(phase: Phase, wire: Wire) -> None:
    files, threads = open_files(), own_threads()
    with set_up(wire, "asyncio") as setting, phase.make(setting) as stage:
        await asynchronous.abort_all(stage, origins_of("asyncio"), 1, SETTLED)
    await async_until(lambda: open_files() <= files)
    await async_until(lambda: own_threads() <= threads)


@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.parametrize(("phase", "wire"), CASES)
async def test_trio(phase: Phase, wire: Wire) -> None:
    files, threads = open_files(), own_threads()
    with set_up(wire, "trio") as setting, phase.make(setting) as stage:
        await asynchronous.abort_all(stage, origins_of("trio"), 1, SETTLED)
    await async_until(lambda: open_files() <= files)
    await async_until(lambda: own_threads() <= threads)
