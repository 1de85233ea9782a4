"""Aborts of the asynchronous flavour: one task reads, others and threads abort."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import anyio

from fal_stream import AbortController, AsyncFalStream, AsyncStreamingClient
from tests.concurrency import HANG
from tests.flavour.pools import at_work

from .origins import Aborter, bell, collect, handles_signals, raise_in_main
from .phase_servers import Stage

__all__ = ["abort_all"]


async def abort_all(
    stage: Stage, origins: Iterable[str], times: int, settle: float
) -> dict[str, list[float]]:
    """Abort streams in a phase from everywhere, and see what comes of it.

    Args:
        stage: What leads each stream into the phase.
        origins: Where the aborts come from.
        times: How many come from each.
        settle: Seconds from when the phase has been reached to the abort.

    Returns:
        By origin, the seconds from the abort to the return of who reads.
    """
    taken: dict[str, list[float]] = {}
    with bell() as ringing, handles_signals():
        client = AsyncStreamingClient(**stage.client_settings)
        async with client, AsyncStreamingClient(**ringing.settings) as other:
            for origin in origins:
                taken[origin] = [
                    await _abort_once(stage, client, other, origin, settle) for _ in range(times)
                ]
            assert at_work(client) == []
            if stage.fal is not None:
                await _until(stage.have_ended)
                chunks = [chunk async for chunk in client.stream("acme/fine")]
                assert chunks == [1, {"fine": True}]
    return taken


async def _abort_once(
    stage: Stage,
    client: AsyncStreamingClient,
    other: AsyncStreamingClient,
    origin: str,
    settle: float,
) -> float:
    if stage.warm:
        await client.stream("acme/fine").done()
    controller = AbortController()
    stream = client.stream("acme/app", signal=controller.signal, **stage.options)
    aborter = Aborter(stream, controller, origin)
    before = stage.times_reached()
    early: list[str] = []

    async def abort() -> None:
        count = len(stage.chunks)
        await _until(lambda: stage.times_reached() > before and _count(stream) >= count)
        await anyio.sleep(settle)
        if stream.closed:
            early.append("the stream had ended before it was aborted")
        if origin == "another task":
            aborter()
        elif origin == "a finalizer":
            collect(aborter)
        elif origin == "a listener":
            await other.stream("acme/bell").on("data", aborter).done()
        elif origin == "a signal handler":
            threading.Thread(target=raise_in_main, args=[aborter]).start()
        else:
            threading.Thread(target=aborter).start()

    chunks: list[Any] = []
    end = 0.0
    async with anyio.create_task_group() as group:
        group.start_soon(abort)
        chunks = await _read(stream, pauses=stage.pauses)
        end = time.perf_counter()
    assert not early
    assert chunks == list(stage.chunks)
    assert stream.closed
    assert stream.signal.reason == "enough"
    await stream.done()
    return end - aborter.at


async def _until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(HANG):
        while not condition():
            await anyio.sleep(0.005)


def _count(stream: AsyncFalStream[Any]) -> int:
    return 0 if stream.last_event_timestamp is None else 1


async def _read(stream: AsyncFalStream[Any], *, pauses: bool) -> list[Any]:
    chunks: list[Any] = []
    async for chunk in stream:
        chunks.append(chunk)
        while pauses and not stream.signal.aborted:
            await anyio.sleep(0.0002)
    return chunks
