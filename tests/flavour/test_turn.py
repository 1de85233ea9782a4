"""The line of those who want to read a stream, in threads: its order, and interruptions of it."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import pytest

from fal_stream import FalStreamError
from fal_stream._net.turn import Turn
from tests.seam import Job, until


class Interruption(BaseException):
    """Stands for KeyboardInterrupt."""


class At:
    """Raises in the calling thread, at a certain step of taking and leaving a turn."""

    def __init__(self, step: int) -> None:
        self._left = step

    def __enter__(self) -> None:
        # Python 3.12.1 looks here for whether anybody traces bytecodes.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.endswith(("turn.py", "contextlib.py")):
            return None
        # A `with` of a lock is left by one step; here it would be taken for several.
        if frame.f_code.co_filename == __file__ or frame.f_code.co_name == "_await_release":
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self._left -= 1
            if self._left == -1:
                raise Interruption
        return self._trace


def take(turn: Turn) -> None:
    """Have the turn for a moment."""
    seat = turn.seat()
    with seat.occupied:
        turn.reached(seat)
        assert turn.is_mine()
        assert not turn.is_idle


def have_until(turn: Turn, is_over: threading.Event, names: list[str], name: str) -> None:
    """Have the turn until something has happened."""
    seat = turn.seat()
    with seat.occupied:
        turn.reached(seat)
        names.append(name)
        is_over.wait(20)


def test_first_come_first_served() -> None:
    turn, is_over, names = Turn(), threading.Event(), list[str]()
    jobs: list[Job[None]] = []
    for name in "abcdef":
        jobs.append(Job(have_until, turn, is_over, names, name))
        until(lambda: len(turn._line) == len(jobs))
    until(lambda: names == ["a"])
    assert not turn.is_idle
    assert not turn.is_mine()
    is_over.set()
    for job in jobs:
        job.result()
    assert names == list("abcdef")
    assert turn.is_idle


def interrupt_at_each_step() -> int:
    """Interrupt the taking of a turn at each step; count the steps."""
    for step in range(2000):
        turn = Turn()
        try:
            seat = turn.seat()
            with At(step), seat.occupied:
                turn.reached(seat)
        except Interruption:
            assert turn.is_idle
            take(turn)
            Job(take, turn).result()
        else:
            return step
    raise AssertionError("there is no end of steps")


def test_an_interruption_at_each_step_leaves_the_turn_to_others() -> None:
    # In a thread of its own: the interpreter may think for good that it handles an exception.
    assert Job(interrupt_at_each_step).result() > 20


@pytest.mark.parametrize("step", range(0, 120, 7))
def test_one_who_gives_up_waiting_leaves_its_place(step: int) -> None:
    turn, is_over, names = Turn(), threading.Event(), list[str]()
    first = Job(have_until, turn, is_over, names, "first")
    until(lambda: names == ["first"])

    def give_up() -> None:
        seat = turn.seat()
        timer = threading.Timer(0.1, is_over.set)
        timer.start()
        try:
            with At(step), seat.occupied:
                turn.reached(seat)
        except Interruption:
            pass
        timer.join()

    Job(give_up).result()
    second = Job(have_until, turn, is_over, names, "second")
    is_over.set()
    first.result()
    second.result()
    assert names == ["first", "second"]


def test_nobody_waits_behind_itself() -> None:
    turn = Turn()
    seat = turn.seat()
    with seat.occupied:
        turn.reached(seat)
        with pytest.raises(FalStreamError, match="its own stream"):
            take(turn)
    take(turn)
