"""Aborts by the thread that waits, at each of its steps: so come signal handlers and finalizers."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest

from fal_stream import StreamingClient
from fal_stream._net import sync_exchange
from fal_stream._net.exchange import Aborted
from fal_stream._net.sync_exchange import Exchange
from fal_stream._shared.watchdog import Limits, Watchdog
from fal_stream.testing import LocalFal, Pause
from tests.concurrency import Job
from tests.steps import MOST, At, each_step, steps_at

# The parts of the standard library that a wait of ours may be in.
WAITING = ("fal_stream", "threading.py", "contextlib.py")


def sleep(exchange: Exchange) -> None:
    """Wait for a time, which is over after one wait, however busy the machine is."""
    clock = SimpleNamespace(monotonic=partial(next, itertools.count(0.0, 0.006)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync_exchange, "time", clock)
        exchange.sleep(0.01)


def get_delivery(exchange: Exchange) -> None:
    """Wait for a thing that comes at once."""

    def begin(deliver: Callable[[int], None]) -> None:
        deliver(1)

    exchange.wait_for_callback(begin)


@pytest.mark.parametrize("wait", [sleep, get_delivery])
def test_at_each_step_of_a_wait(wait: Callable[[Exchange], None]) -> None:
    def all_steps() -> list[bool]:
        outcomes: list[bool] = []
        for at in each_step(*WAITING, least=50):
            exchange = Exchange(Watchdog(Limits(60, 60, 60, None), time.monotonic))
            with contextlib.suppress(Aborted):
                with at(exchange.abort):
                    wait(exchange)
                outcomes.append(False)
                continue
            outcomes.append(True)
        return outcomes

    outcomes = Job(all_steps).result(55)
    # One that comes when the wait is over is for the next one.
    assert outcomes[0]
    assert outcomes == sorted(outcomes, reverse=True)


def test_at_random_steps_of_a_stream(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, Pause(0.001), 2])
    chance = random.Random(5)

    def abort_somewhere() -> int:
        at = At(MOST, WAITING)
        with at:
            assert list(client.stream("acme/app")) == [1, 2]
        steps, aborted = at.count, 0
        assert steps > 500
        for at in steps_at([chance.randrange(steps) for _ in range(40)], *WAITING):
            stream = client.stream("acme/app")
            with at(stream.abort):
                got = list(stream)
            assert got == [1, 2][: len(got)]
            assert got == [1, 2] or stream.signal.aborted
            aborted += stream.signal.aborted
        return aborted

    with StreamingClient(**either_fal.settings) as client:
        client.stream("acme/app").done()
        assert Job(abort_somewhere).result(55) > 0
        assert client.stream("acme/app").done() == 2
