"""A thread that is kept for calls."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fal_stream._net.call_thread import Call, CallThread

LONG = 10.0


def made(thread: CallThread, function: Callable[[], Any]) -> Any:
    """Make a call, and wait until it is over."""
    over = threading.Event()
    call: Call[Any] = Call(function, lambda _: over.set())
    thread.begin(call)
    assert over.wait(LONG)
    return call.result()


def test_one_thread_makes_all_calls_in_their_order() -> None:
    with CallThread() as thread:
        found = {made(thread, threading.current_thread) for _ in range(20)}
        assert len(found) == 1
        order: list[int] = []
        over = threading.Event()
        for number in range(50):
            thread.begin(Call(partial(order.append, number), lambda _: None))
        thread.begin(Call(over.set, lambda _: None))
        assert over.wait(LONG)
    assert order == list(range(50))
    (worker,) = found
    worker.join(LONG)
    assert not worker.is_alive()


def test_no_thread_without_a_call() -> None:
    before = threading.active_count()
    with CallThread():
        assert threading.active_count() == before


def test_what_a_function_raises_is_raised_where_the_result_is_taken() -> None:
    def fail() -> None:
        raise KeyboardInterrupt("of the function")

    with CallThread() as thread:
        with pytest.raises(KeyboardInterrupt, match="of the function"):
            made(thread, fail)
        assert made(thread, lambda: 3) == 3


def test_a_call_that_hangs_holds_nobody_up() -> None:
    go_on = threading.Event()
    over = threading.Event()
    with CallThread() as thread:
        thread.begin(Call(lambda: go_on.wait(LONG), lambda _: over.set()))
    assert not over.is_set()
    go_on.set()
    assert over.wait(LONG)


class Large:
    """Stands for what takes much memory."""


def test_what_a_call_gave_is_not_kept() -> None:
    with CallThread() as thread:
        large = made(thread, Large)
        gone = weakref.ref(large)
        del large
        # The thread lets go of a call before it takes the next one.
        made(thread, lambda: None)
        gc.collect()
        assert gone() is None
