"""Abort signals."""

from __future__ import annotations

import functools
import threading

import pytest

from fal_stream import AbortController


def test_an_abort_sets_reason_and_flag_and_calls_back() -> None:
    controller = AbortController()
    signal = controller.signal
    calls: list[bool] = []
    signal.on_abort(lambda: calls.append(signal.aborted))
    before = (signal.aborted, signal.reason)
    controller.abort("enough")
    assert before == (False, None)
    assert (signal.aborted, signal.reason) == (True, "enough")
    assert calls == [True]


def test_the_second_abort_changes_nothing() -> None:
    controller = AbortController()
    calls: list[int] = []
    controller.signal.on_abort(lambda: calls.append(1))
    controller.abort("first")
    controller.abort("second")
    assert controller.signal.reason == "first"
    assert calls == [1]


def test_a_late_callback_is_called_at_once() -> None:
    controller = AbortController()
    controller.abort()
    calls: list[int] = []
    controller.signal.on_abort(lambda: calls.append(1))
    assert calls == [1]


def test_a_callback_can_be_taken_off() -> None:
    controller = AbortController()
    calls: list[int] = []
    unsubscribe = controller.signal.on_abort(lambda: calls.append(1))
    unsubscribe()
    unsubscribe()
    controller.abort()
    assert calls == []


def test_a_callback_that_raises_is_logged_and_keeps_no_other_from_being_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    controller = AbortController()
    calls: list[int] = []
    controller.signal.on_abort(lambda: calls[0])
    controller.signal.on_abort(lambda: calls.append(1))
    controller.abort()
    assert calls == [1]
    assert "abort signal raised" in caplog.text
    assert "IndexError" in caplog.text


def test_a_callback_may_abort_and_register() -> None:
    controller = AbortController()
    calls: list[int] = []

    def again() -> None:
        controller.abort()
        controller.signal.on_abort(lambda: calls.append(1))

    controller.signal.on_abort(again)
    controller.abort()
    assert calls == [1]


def test_each_callback_is_called_once_however_many_threads_abort() -> None:
    for _ in range(50):
        controller = AbortController()
        calls: list[int] = []
        for number in range(10):
            controller.signal.on_abort(functools.partial(calls.append, number))
        threads = [threading.Thread(target=controller.abort) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(calls) == list(range(10))


def test_repr() -> None:
    controller = AbortController()
    assert repr(controller.signal) == "<AbortSignal aborted=False>"
    controller.abort()
    assert repr(controller) == "<AbortController aborted=True>"
