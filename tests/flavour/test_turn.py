"""The line of those who want to read a stream, in threads: its order, and interruptions of it."""

from __future__ import annotations

import contextlib
import threading
from functools import partial

import pytest

from fal_stream import FalStreamError
from fal_stream._net.turn import Turn
from tests.seam import Job, until
from tests.steps import Interruption, each_step


def take(turn: Turn) -> None:
    """Have the turn for a moment."""
    seat = turn.seat()
    with seat.taken, seat.occupied:
        turn.reached(seat)
        assert turn.is_mine()
        assert not turn.is_idle


def have_until(turn: Turn, is_over: threading.Event, names: list[str], name: str) -> None:
    """Have the turn until something has happened."""
    seat = turn.seat()
    with seat.taken, seat.occupied:
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


def test_an_interruption_at_each_step_leaves_the_turn_to_others() -> None:
    def interrupt_at_each_step() -> None:
        for at in each_step("turn.py", like_signals=True, least=5):
            turn = Turn()
            with contextlib.suppress(Interruption), at:
                take(turn)
            assert turn.is_idle
            take(turn)
            Job(take, turn).result()

    # In a thread of its own: the interpreter may think for good that it handles an exception.
    Job(interrupt_at_each_step).result()


def test_one_who_gives_up_waiting_leaves_its_place() -> None:
    def interrupt_at_each_step() -> None:
        for at in each_step("turn.py", like_signals=True, least=5):
            turn, is_over, names = Turn(), threading.Event(), list[str]()
            first = Job(have_until, turn, is_over, names, "first")
            until(partial(bool, names))
            timer = threading.Timer(0.02, is_over.set)
            timer.start()
            with contextlib.suppress(Interruption), at:
                take(turn)
            timer.join()
            second = Job(have_until, turn, is_over, names, "second")
            first.result()
            second.result()
            assert names == ["first", "second"]

    Job(interrupt_at_each_step).result()


def test_a_handler_has_the_turn_before_what_it_interrupts() -> None:
    def interrupt_at_each_step() -> None:
        for at in each_step("turn.py", like_signals=True, least=5):
            turn, is_over, names = Turn(), threading.Event(), list[str]()
            first = Job(have_until, turn, is_over, names, "first")
            until(partial(bool, names))
            timer = threading.Timer(0.001, is_over.set)
            timer.start()
            with at(partial(have_at_once, turn, names)):
                take(turn)
            timer.join()
            first.result()
            assert names == ["first", "handler"] if at.reached else ["first"]
            assert turn.is_idle

    def have_at_once(turn: Turn, names: list[str]) -> None:
        if turn.is_mine():
            names.append("handler")
        else:
            have_until(turn, done, names, "handler")

    done = threading.Event()
    done.set()
    Job(interrupt_at_each_step).result(50)


def test_one_who_has_left_may_come_again_while_another_takes_the_turn() -> None:
    """Who waits for a seat holds it for a moment: that is not its owner asking itself."""
    turn = Turn()
    seat = turn.seat()
    with seat.taken, seat.occupied:
        turn.reached(seat)
        turn.holder = None
    with seat.occupied:  # as one does that has waited
        turn.check_reentry()
        assert not turn.is_mine()


def test_nobody_waits_behind_itself() -> None:
    turn = Turn()
    seat = turn.seat()
    with seat.taken, seat.occupied:
        turn.reached(seat)
        with pytest.raises(FalStreamError, match="its own stream"):
            take(turn)
    take(turn)
