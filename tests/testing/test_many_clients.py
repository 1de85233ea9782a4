"""Many clients that come at once, to a server that has others to serve."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

from fal_stream import StreamingClient
from fal_stream.testing import LocalFal, Pause
from tests.concurrency import HANG, Job

CROWD = 300


def test_a_stream_goes_on_while_a_crowd_is_let_in(either_fal: LocalFal) -> None:
    reached, have_come = threading.Event(), threading.Event()
    counts: list[int] = []

    def script() -> Iterator[object]:
        yield 1
        reached.set()
        assert have_come.wait(HANG)
        while not counts or counts[-1] < CROWD:
            yield Pause(0)
            counts.append(len(asyncio.all_tasks()))
        yield 2

    either_fal.add("acme/app", lambda _: script())
    address = ("127.0.0.1", int(either_fal.url.rpartition(":")[2]))
    with StreamingClient(**either_fal.settings) as client, contextlib.ExitStack() as crowd:
        job = Job(lambda: list(client.stream("acme/app")))
        assert reached.wait(HANG)
        for _ in range(CROWD):
            crowd.enter_context(socket.create_connection(address))
        have_come.set()
        assert job.result() == [1, 2]
    assert len({count for count in counts if count < CROWD}) > 5
