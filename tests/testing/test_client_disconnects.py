from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

import pytest

from fal_stream.testing import Hang, LocalFal, Pause, Raw, RecordedRequest, Reply, Script
from tests.testing.raw_client import RawClient, dying_server, split_chunks


@pytest.mark.parametrize("leave", ["close", "reset", "shutdown"])
@pytest.mark.parametrize(
    "script",
    [
        [1, Hang()],
        [1, Pause(1000)],
        [1, *([Raw(b"x" * 100_000)] * 1000)],
        [1, *([Pause(0.001), 2] * 100_000)],
    ],
    ids=["hanging", "paused", "sending", "dripping"],
)
def test_a_client_that_leaves_is_noticed(fal: LocalFal, script: Script, leave: str) -> None:
    fal.add("acme/app", script)
    with RawClient(fal) as client:
        client.ask().until(b"data: 1\n\n")
        (request,) = fal.requests
        assert not request.gone.is_set()
        if leave == "reset":
            client.reset()
        elif leave == "shutdown":
            client.socket.shutdown(1)
        else:
            client.socket.close()
        assert request.gone.wait(10)
        assert not request.finished.is_set()


def test_a_client_that_leaves_before_the_head_is_noticed(fal: LocalFal) -> None:
    fal.add("acme/app", Reply([1], delay=math.inf))
    with RawClient(fal) as client:
        client.ask()
        (request,) = fal.wait_for_requests(1)
    assert request.gone.wait(10)


def test_a_generator_is_closed_when_the_client_leaves(fal: LocalFal) -> None:
    closed = threading.Event()

    def script(request: RecordedRequest) -> Iterator[object]:
        try:
            yield 1
            yield Hang()
        finally:
            closed.set()

    fal.add("acme/app", script)
    with RawClient(fal) as client:
        client.ask().until(b"data: 1\n\n")
        assert not closed.is_set()
    assert closed.wait(10)
    assert fal.requests[0].gone.wait(10)


def test_a_generator_that_raises_when_closed_is_reported() -> None:
    def script(request: RecordedRequest) -> Iterator[object]:
        try:
            yield Hang()
        finally:
            raise ZeroDivisionError

    with dying_server(ZeroDivisionError) as fal:
        fal.add("acme/app", script)
        with RawClient(fal) as client:
            client.ask().until(b"\r\n\r\n")
        assert fal.requests[0].gone.wait(10)


def test_a_slow_reader_holds_the_script_back(fal: LocalFal) -> None:
    size, total = 1 << 20, 100
    taken: list[int] = []

    def script(request: RecordedRequest) -> Iterator[object]:
        for number in range(total):
            taken.append(number)
            yield Raw(b"x" * size)

    fal.add("acme/app", script)
    with RawClient(fal) as client:
        client.ask().until(b"\r\n\r\n")
        before = -1
        while len(taken) != before:
            before = len(taken)
            time.sleep(0.3)
        assert before < total
        assert not fal.requests[0].finished.is_set()
        body = client.until(b"\r\n0\r\n\r\n")
    assert [len(chunk) for chunk in split_chunks(body)] == [size] * total
    assert fal.requests[0].finished.wait(10)
