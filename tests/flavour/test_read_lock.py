"""The read lock of a stream, in threads: first in, first out, and interruptions of a wait."""

from __future__ import annotations

import contextlib
import threading
from functools import partial

import pytest

from fal_stream import FalStreamError
from fal_stream._net.read_lock import TicketLock
from tests.concurrency import Job, until
from tests.steps import Interruption, each_step


def take(lock: TicketLock) -> None:
    """Have the lock for a moment."""
    ticket = lock.ticket()
    with ticket.taken, ticket.held:
        lock.acquire(ticket)
        assert lock.is_held_here()
        assert not lock.is_idle


def have_until(lock: TicketLock, is_over: threading.Event, names: list[str], name: str) -> None:
    """Have the lock until something has happened."""
    ticket = lock.ticket()
    with ticket.taken, ticket.held:
        lock.acquire(ticket)
        names.append(name)
        is_over.wait(20)


def test_first_come_first_served() -> None:
    lock, is_over, names = TicketLock(), threading.Event(), list[str]()
    jobs: list[Job[None]] = []
    for name in "abcdef":
        jobs.append(Job(have_until, lock, is_over, names, name))
        until(lambda: len(lock._queue) == len(jobs))
    until(lambda: names == ["a"])
    assert not lock.is_idle
    assert not lock.is_held_here()
    is_over.set()
    for job in jobs:
        job.result()
    assert names == list("abcdef")
    assert lock.is_idle


def test_an_interruption_at_each_step_leaves_the_lock_to_others() -> None:
    def interrupt_at_each_step() -> None:
        for at in each_step("read_lock.py", like_signals=True, least=5):
            lock = TicketLock()
            with contextlib.suppress(Interruption), at:
                take(lock)
            assert lock.is_idle
            take(lock)
            Job(take, lock).result()

    # In a thread of its own: the interpreter may think for good that it handles an exception.
    Job(interrupt_at_each_step).result()


def test_one_who_gives_up_waiting_leaves_its_place() -> None:
    def interrupt_at_each_step() -> None:
        for at in each_step("read_lock.py", like_signals=True, least=5):
            lock, is_over, names = TicketLock(), threading.Event(), list[str]()
            first = Job(have_until, lock, is_over, names, "first")
            until(partial(bool, names))
            timer = threading.Timer(0.02, is_over.set)
            timer.start()
            with contextlib.suppress(Interruption), at:
                take(lock)
            timer.join()
            second = Job(have_until, lock, is_over, names, "second")
            first.result()
            second.result()
            assert names == ["first", "second"]

    Job(interrupt_at_each_step).result()


def test_a_handler_has_the_lock_before_what_it_interrupts() -> None:
    def interrupt_at_each_step() -> None:
        for at in each_step("read_lock.py", like_signals=True, least=5):
            lock, is_over, names = TicketLock(), threading.Event(), list[str]()
            first = Job(have_until, lock, is_over, names, "first")
            until(partial(bool, names))
            timer = threading.Timer(0.001, is_over.set)
            timer.start()
            with at(partial(have_at_once, lock, names)):
                take(lock)
            timer.join()
            first.result()
            assert names == ["first", "handler"] if at.reached else ["first"]
            assert lock.is_idle

    def have_at_once(lock: TicketLock, names: list[str]) -> None:
        if lock.is_held_here():
            names.append("handler")
        else:
            have_until(lock, done, names, "handler")

    done = threading.Event()
    done.set()
    Job(interrupt_at_each_step).result(50)


def test_one_who_has_left_may_come_again_while_another_takes_the_lock() -> None:
    """Who waits for a ticket holds it for a moment: that is not its owner asking itself."""
    lock = TicketLock()
    ticket = lock.ticket()
    with ticket.taken, ticket.held:
        lock.acquire(ticket)
        lock.holder = None
    with ticket.held:  # as one does that has waited
        lock.check_reentry()
        assert not lock.is_held_here()


def test_nobody_waits_behind_itself() -> None:
    lock = TicketLock()
    ticket = lock.ticket()
    with ticket.taken, ticket.held:
        lock.acquire(ticket)
        with pytest.raises(FalStreamError, match="its own stream"):
            take(lock)
    take(lock)
