"""A soak of the asynchronous flavour: some tasks that stream by one client."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import Any

import anyio

from fal_stream import AsyncFalStream, AsyncStreamingClient, FalStreamError

from .balance import Balance, async_balance
from .scenarios import Play, draw, settings_of
from .servers import Places

__all__ = ["soak"]

TASKS = 16


async def soak(
    places: Places, count: int, seed: int, warm_up: int, settle: float
) -> tuple[Balance, Balance, Counter[str]]:
    """Play faults by one client, see that it streams still, and look at what is left.

    Args:
        places: The servers.
        count: How many faults.
        seed: Which.
        warm_up: How many are played before the first look.
        settle: Seconds until idle connections are given up.

    Returns:
        What the process held before and after, and how often streams ended how.
    """
    async with AsyncStreamingClient(**settings_of(places), keepalive_expiry=settle / 3) as client:
        looks: list[Balance] = []
        ends: Counter[str] = Counter()
        for number, plays in ((seed + 1, warm_up), (seed, count)):
            chance = random.Random(number)
            ends.clear()
            limiter = anyio.CapacityLimiter(TASKS)
            async with anyio.create_task_group() as group:
                for _ in range(plays):
                    group.start_soon(_play, client, places, chance.getrandbits(32), limiter, ends)
            await anyio.sleep(settle)
            for url in (places.plain, places.tls):
                stream = client.stream("acme/fine", url=f"{url}/acme/fine/stream")
                assert [chunk async for chunk in stream] == [1, {"fine": True}]
            looks.append(await async_balance(client))
    return looks[0], looks[1], ends


async def _play(
    client: AsyncStreamingClient,
    places: Places,
    seed: int,
    limiter: anyio.CapacityLimiter,
    ends: Counter[str],
) -> None:
    async with limiter:
        # Drawn here, as what it sends may be large.
        play = draw(random.Random(seed), places)
        try:
            await _read(client.stream(play.endpoint, **play.options), play)
        except FalStreamError as error:
            ends[type(error).__name__] += 1
        except Exception as error:
            raise AssertionError(f"{play} raised {error!r}") from error
        else:
            ends[play.end] += 1


async def _read(stream: AsyncFalStream[Any], play: Play) -> None:
    if play.end == "cancel":
        with anyio.move_on_after(play.delay):
            await _read_to_the_end(stream)
    elif play.end == "abort":
        timer = threading.Timer(play.delay, stream.abort)
        timer.start()
        try:
            await _read_to_the_end(stream)
        finally:
            timer.cancel()
    elif play.end == "break":
        async with stream:
            async for _ in stream:
                break
    else:
        async for _ in stream:
            if play.end == "drop":
                break


async def _read_to_the_end(stream: AsyncFalStream[Any]) -> None:
    async for _ in stream:
        pass
