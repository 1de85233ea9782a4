"""A soak of the blocking flavour: some threads that stream by one client."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fal_stream import FalStream, FalStreamError, StreamingClient

from .balance import Balance, balance
from .plays import Play, draw, settings_of
from .servers import Places

__all__ = ["soak"]

THREADS = 8


def soak(places: Places, count: int, seed: int, warm_up: int, settle: float) -> list[Balance]:
    """Play faults by one client, see that it streams still, and look at what is left.

    Args:
        places: The servers.
        count: How many faults.
        seed: Which.
        warm_up: How many are played before the first look.
        settle: Seconds until idle connections are given up.

    Returns:
        What the process held before and after.
    """
    with StreamingClient(**settings_of(places)) as client:
        looks: list[Balance] = []
        for number, plays in ((seed + 1, warm_up), (seed, count)):
            chance = random.Random(number)
            with ThreadPoolExecutor(THREADS) as threads:
                jobs = [threads.submit(_play, client, draw(chance, places)) for _ in range(plays)]
            for job in jobs:
                job.result()
            time.sleep(settle)
            for url in (places.plain, places.tls):
                stream = client.stream("acme/fine", url=f"{url}/acme/fine/stream")
                assert list(stream) == [1, {"fine": True}]
            looks.append(balance(client))
    return looks


def _play(client: StreamingClient, play: Play) -> None:
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
    except FalStreamError:
        pass
    except Exception as error:
        raise AssertionError(f"{play} raised {error!r}") from error


def _read_beside(stream: FalStream[Any], act: Callable[[], object], delay: float) -> None:
    timer = threading.Timer(delay, act)
    timer.start()
    try:
        for _ in stream:
            pass
    finally:
        timer.join()
