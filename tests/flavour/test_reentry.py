"""Aborts by the thread that waits, at each of its steps: so come signal handlers and finalizers."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from fal_stream import StreamingClient
from fal_stream._net.exchange import Aborted
from fal_stream._net.sync_exchange import Exchange
from fal_stream._shared.watchdog import Limits, Watchdog
from fal_stream.testing import LocalFal, Pause
from tests.seam import Job

# The parts of the standard library that a wait of ours may be in.
WAITING = ("fal_stream", "threading.py", "contextlib.py")


class At:
    """Has a function called at a certain step of the calling thread, in the code of a wait.

    Args:
        step: The number of the bytecode.
        function: What is called.

    Attributes:
        reached: Whether it was called.
    """

    def __init__(self, step: int, function: Callable[[], object]) -> None:
        self._left = step
        self._function = function
        self.reached = False

    def __enter__(self) -> None:
        # Python 3.12.1 looks here for whether anybody traces bytecodes.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not any(part in frame.f_code.co_filename for part in WAITING) or self.reached:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self._left -= 1
            if self._left < 0 and not self.reached:
                self.reached = True
                self._function()
        return self._trace


def sleep(exchange: Exchange) -> None:
    """Wait for a time."""
    exchange.sleep(0.01)


def get_delivery(exchange: Exchange) -> None:
    """Wait for a thing that comes at once."""

    def begin(deliver: Callable[[int], None]) -> None:
        deliver(1)

    exchange.delivery(begin)


@pytest.mark.parametrize("wait", [sleep, get_delivery])
def test_at_each_step_of_a_wait(wait: Callable[[Exchange], None]) -> None:
    def aborted_at(step: int) -> tuple[bool, bool]:
        exchange = Exchange(Watchdog(Limits(60, 60, 60, None), time.monotonic))
        at = At(step, exchange.abort)
        try:
            with at:
                wait(exchange)
        except Aborted:
            return at.reached, True
        return at.reached, False

    def all_steps() -> list[bool]:
        outcomes: list[bool] = []
        while (outcome := aborted_at(len(outcomes)))[0]:
            outcomes.append(outcome[1])
        return outcomes

    outcomes = Job(all_steps).result()
    assert len(outcomes) > 50
    # One that comes when the wait is over is for the next one.
    assert outcomes[0]
    assert outcomes == sorted(outcomes, reverse=True)


def test_at_random_steps_of_a_stream(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [1, Pause(0.001), 2])
    chance = random.Random(5)

    def steps_of_a_stream() -> int:
        at = At(1 << 60, lambda: None)
        with at:
            assert list(client.stream("acme/app")) == [1, 2]
        return (1 << 60) - at._left

    def abort_somewhere(steps: int) -> int:
        aborted = 0
        for _ in range(40):
            stream = client.stream("acme/app")
            with At(chance.randrange(steps), stream.abort):
                got = list(stream)
            assert got == [1, 2][: len(got)]
            assert got == [1, 2] or stream.signal.aborted
            aborted += stream.signal.aborted
        return aborted

    with StreamingClient(**either_fal.settings) as client:
        client.stream("acme/app").done()
        steps = Job(steps_of_a_stream).result()
        assert Job(abort_somewhere, steps).result() > 0
        assert client.stream("acme/app").done() == 2
