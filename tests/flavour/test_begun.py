"""A kept connection that one thread looks at while another begins to use it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import fal_stream._net.sync_socket
from fal_stream import StreamingClient
from fal_stream._sync.connection import PoolConnection
from fal_stream.testing import LocalFal, Pause
from tests.seam import HANG, Job

# How long a look takes between its two steps, in which the answer comes (seconds).
BETWEEN = 0.5


def test_an_answer_is_not_taken_for_an_end(
    either_fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    either_fal.add("acme/warm", [0])
    either_fal.add("acme/app", [1, Pause(BETWEEN / 4), 2])
    given, looked_at, is_over = threading.Event(), threading.Event(), threading.Event()
    here = threading.get_ident()
    begin, is_ready = PoolConnection.handle_request, fal_stream._net.sync_socket.is_ready

    def begin_late(self: PoolConnection, request: Any) -> Any:
        if threading.get_ident() != here:
            given.set()
            assert looked_at.wait(HANG)
        return begin(self, request)

    def look_slowly(*args: Any) -> bool:
        if threading.get_ident() == here and given.is_set() and not looked_at.is_set():
            looked_at.set()
            time.sleep(BETWEEN)
        return is_ready(*args)

    def stream_and_pause() -> list[Any]:
        stream = client.stream("acme/app").start()
        assert is_over.wait(HANG)
        return list(stream)

    with StreamingClient(**either_fal.settings) as client:
        assert client.stream("acme/warm").done() == 0
        monkeypatch.setattr(PoolConnection, "handle_request", begin_late)
        monkeypatch.setattr(fal_stream._net.sync_socket, "is_ready", look_slowly)
        other = Job(stream_and_pause)
        assert given.wait(HANG)
        assert client.stream("acme/warm").done() == 0
        assert looked_at.is_set()
        is_over.set()
        assert other.result() == [1, 2]


def test_what_has_expired_is_not_begun_with(
    either_fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    either_fal.add("acme/app", [1])
    given, is_closed = threading.Event(), threading.Event()
    here = threading.get_ident()
    begin = PoolConnection.handle_request

    def begin_late(self: PoolConnection, request: Any) -> Any:
        if threading.get_ident() != here and not given.is_set():
            given.set()
            assert is_closed.wait(HANG)
        return begin(self, request)

    with StreamingClient(**either_fal.settings, retry=None) as client:
        assert client.stream("acme/app").done() == 1
        monkeypatch.setattr(PoolConnection, "handle_request", begin_late)
        other = Job(lambda: list(client.stream("acme/app")))
        assert given.wait(HANG)
        monkeypatch.setattr(fal_stream._net.sync_socket, "is_ready", lambda *_: True)
        assert client.stream("acme/app").done() == 1
        monkeypatch.undo()
        is_closed.set()
        assert other.result() == [1]
    assert len(either_fal.requests) == 3
