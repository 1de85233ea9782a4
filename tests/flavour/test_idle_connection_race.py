"""A kept connection that one thread was given, and has not begun to use."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import fal_stream._net.sync_socket
from fal_stream import StreamingClient
from fal_stream._net.sockets import is_readable
from fal_stream._sync.http.connection import Connection
from fal_stream.testing import LocalFal, Pause
from tests.concurrency import HANG, Job


@pytest.mark.parametrize("seems_closed", [False, True])
def test_a_connection_that_was_given_is_left_alone(
    either_fal: LocalFal, monkeypatch: pytest.MonkeyPatch, seems_closed: bool
) -> None:
    either_fal.add("acme/app", [1, Pause(0.05), 2])
    given, go_on = threading.Event(), threading.Event()
    here = threading.get_ident()
    begin = Connection.round_trip
    looked_at: list[Any] = []

    def begin_late(self: Connection, *args: Any, **options: Any) -> Any:
        if threading.get_ident() != here and not given.is_set():
            given.set()
            assert go_on.wait(HANG)
        return begin(self, *args, **options)

    def look(sock: Any) -> bool:
        looked_at.append(sock)
        return seems_closed or is_readable(sock)

    with StreamingClient(**either_fal.settings, retry=None) as client:
        assert client.stream("acme/app").done() == 2
        monkeypatch.setattr(Connection, "round_trip", begin_late)
        other = Job(lambda: list(client.stream("acme/app")))
        assert given.wait(HANG)
        monkeypatch.setattr(fal_stream._net.sync_socket, "is_readable", look)
        assert client.stream("acme/app").done() == 2
        # Of the other's connection nobody has asked whether it is closed, and nobody has closed it.
        assert either_fal.requests[1].peer != either_fal.requests[0].peer
        monkeypatch.undo()
        go_on.set()
        assert other.result() == [1, 2]
        assert either_fal.requests[2].peer == either_fal.requests[0].peer
    assert len(either_fal.requests) == 3
