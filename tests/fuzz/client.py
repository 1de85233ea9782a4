"""The whole client, blocking, on asyncio and on trio, on real sockets: whatever a server answers.

No error but ours comes, none hangs, nothing that was not sent is given, nothing that was sent is
left out in silence, and the client goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

import httpx
import trio

from fal_stream import (
    AsyncStreamingClient,
    FalStreamError,
    RetryPolicy,
    StreamingClient,
    StreamInterrupted,
)
from fal_stream.errors import excerpt
from tests._async.read_stream import Outcome
from tests._async.read_stream import read as read_async
from tests._sync.read_stream import read
from tests.concurrency import HANG, Job, until
from tests.sockets import open_files, own_threads

from .answers import Answer, Meaning, answer, meaning
from .errors import check_error
from .framing import is_read_otherwise, read_by_h11
from .runner import Check
from .server import Server, tls_context

__all__ = ["target"]

_CASES = 200
"""After so many cases servers and clients are made anew, and what is left of the old is counted."""

_SHORT = {"start_timeout": 2.0, "timeout": 2.0, "event_timeout": 2.0, "total_timeout": 6.0}
_LONG = {"start_timeout": 60.0, "timeout": 60.0, "event_timeout": 60.0, "total_timeout": 60.0}
_TOO_LONG = 10.0

_WAYS: dict[str, dict[str, Any]] = {
    "stream": {"input": {"a": 1}},
    "token": {"input": {"a": 1}, "connection_mode": "client"},
    "upload": {"input": {"image": b"x"}},
}
"""What is done before the stream: nothing, a token is asked for, or a file is sent."""


class _Outcome(NamedTuple):
    chunks: list[Any]
    error: FalStreamError | None
    seconds: float


class _Clients:
    """A client of each flavour for one server.

    Args:
        server: The server.
        kind: `own`; `retried` where requests are sent again; `borrowed` where the connections are
            those of an HTTP client of the user's.

    Attributes:
        is_borrowed: Whether the connections are those of an HTTP client of the user's.
        unseen: What the event loop could only report.
    """

    def __init__(self, server: Server, kind: str) -> None:
        self._loop = asyncio.new_event_loop()
        self.unseen: list[object] = []
        self._loop.set_exception_handler(lambda _, context: self.unseen.append(context))
        policy = RetryPolicy(max_retries=1, base_delay=0.001, max_delay=0.01)
        settings: dict[str, Any] = {
            "run_url": server.url,
            "credentials": "local-id:local-secret",
            "retry": policy if kind == "retried" else None,
        }
        self.is_borrowed = kind == "borrowed"
        self._http_client = httpx.Client() if self.is_borrowed else None
        self._async_http_client = httpx.AsyncClient() if self.is_borrowed else None
        self._blocking = StreamingClient(**settings, http_client=self._http_client)
        self._asyncio = AsyncStreamingClient(**settings, http_client=self._async_http_client)
        self._trio = None if self.is_borrowed else AsyncStreamingClient(**settings)

    @property
    def flavours(self) -> dict[str, Callable[..., _Outcome]]:
        """What reads a stream, by the name of the flavour."""
        asynchronous = {"asyncio": self._read_asyncio, "trio": self._read_trio}
        if self._trio is None:  # an HTTP client of the user's belongs to one event loop
            del asynchronous["trio"]
        return {"blocking": self._read, **asynchronous}

    def _read(self, endpoint_id: str, **options: Any) -> _Outcome:
        begun = time.monotonic()
        stream = self._blocking.stream(endpoint_id, **options)
        chunks, error = Job(read, stream).result()
        return _Outcome(chunks, error, time.monotonic() - begun)

    def _read_asyncio(self, endpoint_id: str, **options: Any) -> _Outcome:
        begun = time.monotonic()
        stream = self._asyncio.stream(endpoint_id, **options)
        work = asyncio.wait_for(read_async(stream), HANG)
        chunks, error = self._loop.run_until_complete(work)
        return _Outcome(chunks, error, time.monotonic() - begun)

    def _read_trio(self, endpoint_id: str, **options: Any) -> _Outcome:
        assert self._trio is not None
        begun = time.monotonic()
        stream = self._trio.stream(endpoint_id, **options)

        async def work() -> Outcome:
            with trio.fail_after(HANG):
                return await read_async(stream)

        chunks, error = trio.run(work)
        return _Outcome(chunks, error, time.monotonic() - begun)

    def close(self) -> None:
        """Close all, and the event loop of asyncio."""
        self._blocking.close()
        if self._trio is not None:
            trio.run(self._trio.aclose)
        self._loop.run_until_complete(self._asyncio.aclose())
        if self._http_client is not None and self._async_http_client is not None:
            self._http_client.close()
            self._loop.run_until_complete(self._async_http_client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@contextlib.contextmanager
def _nothing_unseen() -> Iterator[list[object]]:
    """Collect what nobody could catch: errors of finalizers and of other threads."""
    unseen: list[object] = []
    before = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = lambda what: unseen.append((what.exc_value, what.object))
    threading.excepthook = unseen.append
    try:
        yield unseen
    finally:
        sys.unraisablehook, threading.excepthook = before


class _Rig:
    """Two servers, plain and TLS, and the clients of each."""

    def __init__(self, stack: contextlib.ExitStack, context: ssl.SSLContext) -> None:
        self._places: list[tuple[Server, list[_Clients]]] = []
        self.left = _CASES
        for tls in (None, context):
            server = Server(tls)
            stack.enter_context(server.raw)
            clients = [_Clients(server, kind) for kind in ("own", "retried", "borrowed")]
            for pair in clients:
                stack.callback(pair.close)
            self._places.append((server, clients))

    def play(self, chance: Random) -> None:
        """Play one case."""
        self.left -= 1
        given = answer(chance)
        server, kinds = self._places[chance.random() < 0.15]
        (clients,) = chance.choices(kinds, (6, 2, 2))
        # What is asked before the stream itself gets the same answer.
        (way,) = chance.choices(list(_WAYS), (10, 1, 1))
        is_kept = given.end == "keep"
        if clients.is_borrowed and is_kept and read_by_h11(b"".join(given.pieces)).rest:
            # httpx takes what follows an answer on a kept connection for the next answer.
            given = given._replace(end="close")
        server.answer = given
        expected = meaning(b"".join(given.pieces), ends=given.end in ("close", "reset"))
        is_over = expected.is_whole or given.end in ("close", "reset")
        options = _WAYS[way] | (_LONG if is_over else _SHORT)
        for flavour, read_stream in clients.flavours.items():
            found = read_stream("acme/app", **options)
            until(lambda: server.is_idle)
            shown = [excerpt(repr(thing), 600) for thing in (found, expected, given)]
            about = f"{flavour}, {server.url}, {way}: {shown[0]}, not {shown[1]}, of {shown[2]}"
            _check_outcome(found, is_direct=way == "stream", about=about)
            if way == "stream" and not is_read_otherwise(b"".join(given.pieces)):
                _check_chunks(found, expected, given, about)
            if self.left % 20 == 0:
                fine = read_stream("acme/fine", **_LONG)
                assert fine[:2] == ([1, {"fine": 2}], None), f"after {about}: {fine}"
        assert not clients.unseen, f"{clients.unseen} after {given}"


def _check_outcome(found: _Outcome, *, is_direct: bool, about: str) -> None:
    """See that a stream ended in time, and with no error but a proper one of ours."""
    chunks, error, seconds = found
    assert seconds < _TOO_LONG, about
    if error is None:
        return
    check_error(error)
    assert error.endpoint_id == "acme/app", about
    assert error.__context__ is None or error.__context__ is error.__cause__, about
    if is_direct:
        assert error.__cause__ is None, about
    elif error.__cause__ is not None:
        assert isinstance(error.__cause__, FalStreamError), about
        check_error(error.__cause__)
    if isinstance(error, StreamInterrupted):
        assert error.chunks_received == len(chunks), about


def _check_chunks(found: _Outcome, expected: Meaning, given: Answer, about: str) -> None:
    """See that nothing was given that was not sent, and nothing left out in silence."""
    chunks, error, _ = found
    if expected.kind == "none":
        assert chunks == [], about
        assert error is not None, about
        return
    if expected.kind == "bytes":
        assert expected.chunks.startswith(b"".join(chunks)), about
        is_all = b"".join(chunks) == expected.chunks
    else:
        everything = [*expected.chunks, *expected.last]
        assert repr(chunks) == repr(everything[: len(chunks)]), about
        is_all = len(chunks) == len(everything)
    if error is None:
        assert is_all, about
        assert expected.is_whole or expected.is_ended, about
    elif given.end != "reset":
        assert not expected.is_fine, about


@contextlib.contextmanager
def target() -> Iterator[Check]:
    """Give the check of this target.

    Yields:
        What plays one case with both flavours.
    """
    with contextlib.ExitStack() as outer:
        unseen = outer.enter_context(_nothing_unseen())
        context = outer.enter_context(tls_context())
        rig: _Rig | None = None
        stack = contextlib.ExitStack()
        files, threads = open_files(), own_threads()

        def tidy() -> None:
            nonlocal rig
            rig = None
            stack.close()
            until(lambda: open_files() <= files)
            until(lambda: own_threads() <= threads)
            assert not unseen, unseen

        def check(chance: Random) -> None:
            nonlocal rig
            if rig is None:
                rig = _Rig(stack, context)
            rig.play(chance)
            if rig.left == 0:
                tidy()

        try:
            yield check
        finally:
            tidy()
