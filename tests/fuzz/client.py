"""The whole client, both flavours, on real sockets: whatever a server answers.

No error but ours comes, none hangs, nothing that was not sent is given, nothing that was sent is
left out in silence, and the client goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import trustme

from fal_stream import (
    AsyncStreamingClient,
    FalStreamError,
    RetryPolicy,
    StreamingClient,
    StreamInterrupted,
)
from fal_stream.errors import excerpt
from tests._async.reading import read as read_async
from tests._sync.reading import read
from tests.faults.servers import RawServer
from tests.seam import HANG, Job, until
from tests.sockets import open_files, own_threads

from .answers import FINE, Answer, Meaning, answer, meaning
from .errors import check_error
from .framing import is_read_otherwise
from .runner import Check

__all__ = ["target"]

_FINE = Answer([FINE], 0.0, "keep")

_CASES = 200
"""After so many cases servers and clients are made anew, and what is left of the old is counted."""

_SHORT = {"start_timeout": 2.0, "timeout": 2.0, "event_timeout": 2.0, "total_timeout": 6.0}
_LONG = {"start_timeout": 60.0, "timeout": 60.0, "event_timeout": 60.0, "total_timeout": 60.0}
_TOO_LONG = 10.0


class _Outcome(NamedTuple):
    chunks: list[Any]
    error: FalStreamError | None
    seconds: float


class _Server:
    """Gives the same answer to every request, but to those for `acme/fine`."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.answer = Answer([], 0.0, "close")
        self.raw = RawServer(self._play, context)
        self.url = f"{'http' if context is None else 'https'}://{self.raw.address}"
        self._lock = threading.Lock()
        self._busy = 0

    @property
    def is_idle(self) -> bool:
        """Whether each answer has been given, and each connection that ends with one is closed."""
        return self._busy == 0

    def _play(self, client: socket.socket) -> None:
        while request := _read_request(client):
            self._count(1)
            try:
                is_fine = b" /acme/fine/" in request
                if not self._give(client, _FINE if is_fine else self.answer):
                    return
            finally:
                # A client that meets a connection which is about to be closed can't know better.
                if not is_fine and self.answer.end != "keep":
                    client.close()
                self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change

    def _give(self, client: socket.socket, given: Answer) -> bool:
        """Give an answer; tell whether the connection is kept."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in filter(None, given.pieces):
            client.sendall(piece)
            time.sleep(given.pause)
        if given.end == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif given.end == "hang":
            while client.recv(4096):
                pass
        return given.end == "keep"


def _read_request(client: socket.socket) -> bytes:
    """Read a request to the end of its body; nothing where the client has gone."""
    request = b""
    while b"\r\n\r\n" not in request:
        data = client.recv(4096)
        if not data:
            return b""
        request += data
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += client.recv(4096)
    return request


class _Clients:
    """A client of each flavour for one server.

    Args:
        server: The server.
        retry: Whether requests are sent again.
    """

    def __init__(self, server: _Server, retry: bool) -> None:
        self._loop = asyncio.new_event_loop()
        self.unseen: list[object] = []
        self._loop.set_exception_handler(lambda _, context: self.unseen.append(context))
        policy = RetryPolicy(max_retries=1, base_delay=0.001, max_delay=0.01) if retry else None
        settings: dict[str, Any] = {
            "run_url": server.url,
            "credentials": "local-id:local-secret",
            "retry": policy,
        }
        self._blocking = StreamingClient(**settings)
        self._asyncio = AsyncStreamingClient(**settings)

    @property
    def flavours(self) -> dict[str, Callable[..., _Outcome]]:
        """What reads a stream, by the name of the flavour."""
        return {"blocking": self._read, "asyncio": self._read_async}

    def _read(self, endpoint_id: str, **options: Any) -> _Outcome:
        begun = time.monotonic()
        stream = self._blocking.stream(endpoint_id, input={"a": 1}, **options)
        chunks, error = Job(read, stream).result()
        return _Outcome(chunks, error, time.monotonic() - begun)

    def _read_async(self, endpoint_id: str, **options: Any) -> _Outcome:
        begun = time.monotonic()
        stream = self._asyncio.stream(endpoint_id, input={"a": 1}, **options)
        work = asyncio.wait_for(read_async(stream), HANG)
        chunks, error = self._loop.run_until_complete(work)
        return _Outcome(chunks, error, time.monotonic() - begun)

    def close(self) -> None:
        """Close both, and the event loop of the one."""
        self._blocking.close()
        self._loop.run_until_complete(self._asyncio.aclose())
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


@contextlib.contextmanager
def _tls_context() -> Iterator[ssl.SSLContext]:
    """Give the context of a server that the clients trust while it is open."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    before = os.environ.get("SSL_CERT_FILE")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(path))
        os.environ["SSL_CERT_FILE"] = str(path)
        try:
            yield context
        finally:
            del os.environ["SSL_CERT_FILE"]
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before


class _Rig:
    """Two servers, plain and TLS, and the clients of each, with retries and without."""

    def __init__(self, stack: contextlib.ExitStack, context: ssl.SSLContext) -> None:
        self._places: list[tuple[_Server, list[_Clients]]] = []
        self.left = _CASES
        for tls in (None, context):
            server = _Server(tls)
            stack.enter_context(server.raw)
            clients = [_Clients(server, retry) for retry in (False, True)]
            for pair in clients:
                stack.callback(pair.close)
            self._places.append((server, clients))

    def play(self, chance: Random) -> None:
        """Play one case."""
        self.left -= 1
        given = answer(chance)
        is_tls, is_retried = chance.random() < 0.15, chance.random() < 0.25
        server, pairs = self._places[is_tls]
        clients = pairs[is_retried]
        server.answer = given
        wire = b"".join(given.pieces)
        expected = meaning(wire, ends=given.end in ("close", "reset"))
        is_over = expected.is_whole or given.end in ("close", "reset")
        for flavour, read_stream in clients.flavours.items():
            found = read_stream("acme/app", **(_LONG if is_over else _SHORT))
            until(lambda: server.is_idle)
            shown = [excerpt(repr(thing), 600) for thing in (found, expected, given)]
            about = f"{flavour}, TLS: {is_tls}: {shown[0]}, not {shown[1]}, of {shown[2]}"
            _check(found, expected, given, is_tls=is_tls, about=about)
            if self.left % 20 == 0:
                fine = read_stream("acme/fine", **_LONG)
                until(lambda: server.is_idle)
                assert fine[:2] == ([1, {"fine": 2}], None), f"after {about}: {fine}"
        assert not clients.unseen, f"{clients.unseen} after {given}"


def _check(found: _Outcome, expected: Meaning, given: Answer, *, is_tls: bool, about: str) -> None:
    chunks, error, seconds = found
    assert seconds < _TOO_LONG, about
    if error is not None:
        check_error(error)
        assert error.endpoint_id == "acme/app", about
        assert (error.__cause__, error.__context__) == (None, None), about
        if isinstance(error, StreamInterrupted):
            assert error.chunks_received == len(chunks), about
    wire = b"".join(given.pieces)
    if is_read_otherwise(wire):
        # The framing is looked at by another target.
        return
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
        context = outer.enter_context(_tls_context())
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
