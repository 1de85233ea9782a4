"""A soak of the blocking flavour: some threads that stream by one client."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fal_stream import FalStream, FalStreamError, StreamingClient

from .balance import Balance, balance
from .scenarios import draw, settings_of
from .servers import Places

__all__ = ["soak"]

THREADS = 8


def soak(
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
    with StreamingClient(**settings_of(places), keepalive_expiry=settle / 3) as client:
        looks: list[Balance] = []
        ends: Counter[str] = Counter()
        for number, plays in ((seed + 1, warm_up), (seed, count)):
            chance = random.Random(number)
            with ThreadPoolExecutor(THREADS) as threads:
                jobs = [
                    threads.submit(_play, client, places, chance.getrandbits(32))
                    for _ in range(plays)
                ]
            ends = Counter(job.result() for job in jobs)
            del jobs  # they would be counted
            time.sleep(settle)
            for url in (places.plain, places.tls):
                stream = client.stream("acme/fine", url=f"{url}/acme/fine/stream")
                assert list(stream) == [1, {"fine": True}]
            looks.append(balance(client))
    return looks[0], looks[1], ends


def _play(client: StreamingClient, places: Places, seed: int) -> str:
    # Drawn here, as what it sends may be large.
    play = draw(random.Random(seed), places)
    stream = client.stream(play.endpoint, **play.options)
    try:
        if play.end in ("abort", "cancel"):
            act = stream.abort if play.end == "abort" else stream.close
            _read_beside(stream, act, play.delay)
        elif play.end == "break":
            with stream:
                for _ in stream:
                    break
        else:
            for _ in stream:
                if play.end == "drop":
                    break
    except FalStreamError as error:
        return type(error).__name__
    except Exception as error:
        raise AssertionError(f"{play} raised {error!r}") from error
    return play.end


def _read_beside(stream: FalStream[Any], act: Callable[[], object], delay: float) -> None:
    timer = threading.Timer(delay, act)
    timer.start()
    try:
        for _ in stream:
            pass
    finally:
        timer.join()
