"""What a process holds: files, threads, tasks, connections, memory."""

from __future__ import annotations

import gc
import re
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import anyio

from fal_stream import AsyncStreamingClient, StreamingClient
from tests.flavour.pools import at_work, pools_of
from tests.sockets import open_files, own_threads

__all__ = ["Balance", "async_balance", "balance"]


@dataclass(frozen=True)
class Balance:
    """What a process holds.

    Attributes:
        files: Open file descriptors, but for those of idle connections.
        threads: Threads, but for those that an event loop keeps for later.
        tasks: Tasks of the event loop.
        idle: Idle connections in the pools, which a later request uses or closes.
        at_work: Those that are not idle, and requests under way.
        resident: Resident memory in KiB; 0 where the system doesn't tell.
        traced: Memory that Python's objects take, in KiB, after a collection.
    """

    files: int
    threads: int
    tasks: int
    idle: int
    at_work: int
    resident: int
    traced: int


def balance(client: AsyncStreamingClient | StreamingClient, tasks: int = 0) -> Balance:
    """Look at this process and at the connections of a client."""
    gc.collect()
    status = Path("/proc/self/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    busy = at_work(client)
    idle = sum(len(pool.idle) for pool in pools_of(client))
    return Balance(
        files=open_files() - idle,
        threads=own_threads(),
        tasks=tasks,
        idle=idle,
        at_work=len(busy),
        resident=int(found[1]) if found else 0,
        traced=tracemalloc.get_traced_memory()[0] // 1024,
    )


async def async_balance(client: AsyncStreamingClient) -> Balance:
    """Look at this process, the running loop and the connections of a client."""
    await anyio.sleep(0.1)
    return balance(client, len(anyio.get_running_tasks()))
