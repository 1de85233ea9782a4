"""Aborts of the blocking flavour: the calling thread reads, others abort."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from fal_stream import AbortController, FalStream, StreamingClient
from tests.concurrency import until
from tests.flavour.pools import at_work

from .origins import Aborter, bell, collect, handles_signals, raise_in_main
from .phase_servers import Stage

__all__ = ["abort_all"]


def abort_all(
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
        client = StreamingClient(**stage.client_settings)
        with client, StreamingClient(**ringing.settings) as other:
            for origin in origins:
                taken[origin] = [
                    _abort_once(stage, client, other, origin, settle) for _ in range(times)
                ]
            assert at_work(client) == []
            if stage.fal is not None:
                until(stage.have_ended)
                assert list(client.stream("acme/fine")) == [1, {"fine": True}]
    return taken


def _abort_once(
    stage: Stage, client: StreamingClient, other: StreamingClient, origin: str, settle: float
) -> float:
    if stage.warm:
        client.stream("acme/fine").done()
    controller = AbortController()
    stream = client.stream("acme/app", signal=controller.signal, **stage.options)
    aborter = Aborter(stream, controller, origin)
    before = stage.times_reached()
    early: list[str] = []

    def abort() -> None:
        count = len(stage.chunks)
        until(lambda: stage.times_reached() > before and _count(stream) >= count)
        time.sleep(settle)
        if stream.closed:
            early.append("the stream had ended before it was aborted")
        if origin == "a signal handler":
            raise_in_main(aborter)
        elif origin == "a finalizer":
            collect(aborter)
        elif origin == "a listener":
            other.stream("acme/bell").on("data", aborter).done()
        else:
            aborter()

    thread = threading.Thread(target=abort, daemon=True)
    thread.start()
    chunks = _read(stream, pauses=stage.pauses)
    end = time.perf_counter()
    thread.join()
    assert not early
    assert chunks == list(stage.chunks)
    assert stream.closed
    assert stream.signal.reason == "enough"
    stream.done()
    return end - aborter.at


def _count(stream: FalStream[Any]) -> int:
    return 0 if stream.last_event_timestamp is None else 1


def _read(stream: FalStream[Any], *, pauses: bool) -> list[Any]:
    chunks: list[Any] = []
    for chunk in stream:
        chunks.append(chunk)
        while pauses and not stream.signal.aborted:
            time.sleep(0.0002)
    return chunks
