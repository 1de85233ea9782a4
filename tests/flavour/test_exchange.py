"""The exchange of the blocking flavour: who wakes and who lets go, at any step of the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from fal_stream import StreamConnectionError, StreamingClient
from fal_stream._net.exchange import Aborted
from fal_stream._net.sync_exchange import Exchange, _PendingResult
from fal_stream._net.timers import call_later
from fal_stream._shared.watchdog import Limits, Watchdog
from fal_stream.testing import LocalFal
from tests.concurrency import Job, until
from tests.steps import each_step

FILES = ("_net/sync_exchange.py", "_net/exchange.py")


def run_in_thread(function: Callable[[], object]) -> None:
    Job(function).result()


def new_exchange() -> Exchange:
    return Exchange(Watchdog(Limits(), time.monotonic))


def test_an_abort_at_any_step_of_an_attach_wakes_once() -> None:
    for at in each_step(*FILES, least=5):
        exchange, woken = new_exchange(), list[str]()
        with at(exchange.abort):
            exchange.set_waker(partial(woken.append, "a"))
        exchange.abort()
        assert woken == ["a"]


def test_an_abort_at_any_step_of_the_next_attach_wakes_the_last() -> None:
    for at in each_step(*FILES, least=5):
        exchange, woken = new_exchange(), list[str]()
        exchange.set_waker(partial(woken.append, "a"))
        with at(exchange.abort):
            exchange.set_waker(partial(woken.append, "b"))
        exchange.abort()
        assert woken in (["b"], ["a", "b"])


def test_an_abort_at_any_step_touches_nothing_that_was_let_go() -> None:
    for at in each_step(*FILES, least=5):
        exchange, woken = new_exchange(), list[str]()
        exchange.set_waker(partial(woken.append, "a"))
        with at(exchange.abort):
            may_be_used = exchange.detach()
        assert may_be_used or at.reached
        exchange.abort()
        assert not woken or not may_be_used


def test_to_let_go_at_any_step_of_an_abort() -> None:
    for at in each_step(*FILES, least=5):
        exchange, woken, answers = new_exchange(), list[str](), list[bool]()

        def let_go(exchange: Exchange = exchange, answers: list[bool] = answers) -> None:
            answers.append(exchange.detach())

        exchange.set_waker(partial(woken.append, "a"))
        with at(let_go):
            exchange.abort()
        if not at.reached:
            assert woken == ["a"]
        assert len(woken) <= 1
        assert answers != [True] or not woken


def test_a_sleep_that_is_aborted_at_any_step() -> None:
    for at in each_step(*FILES):
        exchange, woken = new_exchange(), list[str]()
        exchange.set_waker(partial(woken.append, "a"))
        with at(exchange.abort):
            try:
                exchange.sleep(0.001)
            except Aborted:
                assert exchange.aborted
        exchange.abort()
        # What it had been attached to before is woken too.
        assert woken == ["a"]


@pytest.mark.parametrize("is_given_first", [True, False])
def test_what_comes_too_late_is_undone_once(is_given_first: bool) -> None:
    for at in each_step(*FILES, least=10):
        undone: list[str] = []
        outcome: _PendingResult[str] = _PendingResult(undone.append)
        give, forgo = partial(outcome.set_result, "late"), outcome.discard
        first, then = (give, forgo) if is_given_first else (forgo, give)
        with at(partial(run_in_thread, then)):
            first()
        if not at.reached:
            then()
        assert undone == ["late"]


def test_no_thread_is_to_be_had(fal: LocalFal, monkeypatch: pytest.MonkeyPatch) -> None:
    fal.add("acme/app", [1])
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name == "fal_stream-call":
            raise RuntimeError("can't start new thread")
        start(thread)

    def credentials() -> str:
        return "local-id:local-secret"

    settings = {**fal.settings, "credentials": credentials, "retry": None}
    with StreamingClient(**settings) as client:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            with pytest.raises(StreamConnectionError, match="No further thread can be started"):
                client.stream("acme/app").done()
        assert client.stream("acme/app").done() == 1


def test_a_timer_that_is_added_at_any_step_of_another() -> None:
    for at in each_step("_net/timers.py", "_net/threads.py", least=10):
        called: list[str] = []
        with at(partial(call_later, 0.0, partial(called.append, "within"))):
            assert call_later(0.0, partial(called.append, "without")) is not None
        wanted = {"within", "without"} if at.reached else {"without"}
        until(lambda: set(called) == wanted)  # noqa: B023


def test_a_timer_that_is_added_while_the_thread_of_another_ends() -> None:
    for _ in range(300):
        called = threading.Event()
        assert call_later(0.0, called.set) is not None
        assert called.wait(10)
