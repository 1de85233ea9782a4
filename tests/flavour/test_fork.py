"""A process that forks after it has used a client."""

from __future__ import annotations

import os
import traceback
from typing import Any

import pytest

from fal_stream import FalStream, StreamingClient
from fal_stream.testing import Hang, LocalFal, RecordedRequest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork"),
    # Python 3.12 and later: the test's own server has threads.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


def run_in_child(function: Any, *args: Any) -> int:
    """Run a function in a forked process; give the process's id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        function(*args)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def echo(request: RecordedRequest) -> list[Any]:
    return [request.json()["who"]] * 3


def stream_as(client: StreamingClient, who: str) -> None:
    for _ in range(5):
        assert list(client.stream("acme/echo", input={"who": who}, start_timeout=10)) == [who] * 3


def test_each_process_gets_its_own_answers(fal: LocalFal) -> None:
    fal.add("acme/echo", echo)
    with StreamingClient(**fal.settings) as client:
        stream_as(client, "before")
        children = [run_in_child(stream_as, client, f"child {number}") for number in range(4)]
        stream_as(client, "parent")
        assert [exit_code(child) for child in children] == [0] * 4
        stream_as(client, "after")


def close_all(client: StreamingClient, stream: FalStream[Any]) -> None:
    stream.abort()
    stream.close()
    client.close()


def test_a_child_does_not_end_the_streams_of_its_parent(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    with StreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app", timeout=0.5)
        assert next(stream) == 1
        assert exit_code(run_in_child(close_all, client, stream)) == 0
        assert not fal.requests[0].gone.wait(0.2)
        assert not stream.closed
        stream.close()
