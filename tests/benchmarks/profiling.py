"""Shows in which functions a work spends its time."""

from __future__ import annotations

import cProfile
import io
import os
import pstats

import anyio

from .asynchronous import AsyncRunner
from .blocking import BlockingRunner
from .contenders import Contender, Flavour
from .figures import command_for
from .processes import Place
from .workloads import Work

__all__ = ["profile"]

_SHOWN = 25


def profile(contender: Contender, flavour: Flavour, work: Work, place: Place) -> str:
    """Run a work in this process, the second time under a profiler.

    Args:
        contender: Whose client does it.
        flavour: In which flavour; threads beside that of a blocking one are not seen.
        work: What is done.
        place: The server.

    Returns:
        The functions that took the most time by themselves, and how often each was called.
    """
    os.environ |= place.environment(tls=work.tls)
    base = place.base(tls=work.tls, delayed=work.delayed)
    command = command_for(work, base, work.events, place.folder)
    profiler = cProfile.Profile()

    def blocking() -> None:
        runner = BlockingRunner(contender)
        runner.run(command)
        profiler.runcall(runner.run, command)
        runner.close()

    async def asynchronous() -> None:
        runner = AsyncRunner(contender)
        await runner.run(command)
        profiler.enable()
        await runner.run(command)
        profiler.disable()
        await runner.aclose()

    if flavour == "blocking":
        blocking()
    else:
        anyio.run(asynchronous, backend=flavour)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("tottime").print_stats(_SHOWN)
    return text.getvalue()
