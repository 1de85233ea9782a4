"""What a signal handler raises comes out of a blocking call as it is, wherever that waits.

It may be of any class: a TimeoutError, which looks like the end of a wait of ours, or an OSError,
which looks like a broken connection.
"""

from __future__ import annotations

import contextlib
import gc
import math
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pydantic
import pytest

from fal_stream import AbortController, StreamingClient, StreamInterrupted, StreamTimeout
from fal_stream._shared.redact import secrets_of
from fal_stream.testing import Hang, LocalFal, Pause, Reply
from tests.concurrency import until
from tests.faults.servers import RawServer
from tests.flavour.pools import at_work
from tests.frames import shown_in_frames
from tests.sockets import MuteServer
from tests.steps import each_step

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


class SoftTimeLimitExceeded(Exception):
    """As Celery's."""


KINDS: list[type[Exception]] = [
    SoftTimeLimitExceeded,
    TimeoutError,
    BlockingIOError,
    ConnectionResetError,
    InterruptedError,
    OSError,
    ValueError,
]
SOME = [TimeoutError, ConnectionResetError]


class Handler:
    """Raises an exception in the main thread, when a signal comes.

    Attributes:
        error: What it raises.
    """

    def __init__(self) -> None:
        self.error: Exception = SoftTimeLimitExceeded("enough")

    def __call__(self, *_: object) -> None:
        raise self.error

    def raises(self, kind: type[Exception]) -> Exception:
        """Have it raise an exception of a class from now on."""
        self.error = kind("enough")
        return self.error


def strike() -> None:
    """Send the signal to the main thread, which may be this one."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


@pytest.fixture
def handler() -> Iterator[Handler]:
    """The handler of a signal."""
    handler = Handler()
    before = signal.signal(signal.SIGUSR1, handler)
    yield handler
    signal.signal(signal.SIGUSR1, before)


def check_comes_out(error: Exception, call: Callable[[], object], seconds: float = 0.2) -> None:
    """Call something that waits, and look what comes out of it when the signal comes."""
    timer = threading.Timer(seconds, strike)
    timer.start()
    try:
        with pytest.raises(type(error)) as caught:
            call()
    finally:
        timer.join()
    assert caught.value is error


def here(*_: object) -> Any:
    """Have the signal come in a function of the user's, which waits for it."""
    strike()
    time.sleep(5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("script", [Reply(delay=math.inf), [1, Hang()]], ids=["head", "body"])
def test_a_stream_that_waits(
    either_fal: LocalFal, handler: Handler, kind: type[Exception], script: Any
) -> None:
    either_fal.add("acme/app", script)
    either_fal.add("acme/other", [1, 2])
    with StreamingClient(**either_fal.settings, retry=3) as client:
        stream = client.stream("acme/app")
        check_comes_out(handler.raises(kind), stream.done)
        assert stream.closed
        with pytest.raises(StreamInterrupted, match="task or thread that read it was"):
            stream.done()
        assert len(either_fal.requests) == 1
        assert either_fal.requests[0].gone.wait(10)
        assert at_work(client) == []
        assert client.stream("acme/other").done() == 2


@pytest.mark.parametrize("kind", SOME)
def test_on_a_connection_that_was_used(
    either_fal: LocalFal, handler: Handler, kind: type[Exception]
) -> None:
    either_fal.add("acme/app", Reply(delay=math.inf))
    either_fal.add("acme/other", [1, 2])
    with StreamingClient(**either_fal.settings, retry=3) as client:
        assert client.stream("acme/other").done() == 2
        check_comes_out(handler.raises(kind), client.stream("acme/app").done)
        assert len(either_fal.requests) == 2
        assert client.stream("acme/other").done() == 2


@pytest.mark.parametrize("kind", SOME)
def test_a_long_silence_before_it(fal: LocalFal, handler: Handler, kind: type[Exception]) -> None:
    """Waits are divided into slices: one that is over has no part in what comes out."""
    fal.add("acme/app", [1, Hang()])
    with StreamingClient(**fal.settings) as client:
        check_comes_out(handler.raises(kind), client.stream("acme/app").done, 1.2)


@pytest.mark.parametrize("kind", SOME)
def test_while_connecting(unreachable: str, handler: Handler, kind: type[Exception]) -> None:
    with StreamingClient(run_url=f"http://{unreachable}", credentials="a:b", retry=3) as client:
        check_comes_out(handler.raises(kind), client.stream("acme/app").done)
        check_comes_out(handler.raises(kind), client.preconnect)
        assert at_work(client) == []


@pytest.mark.parametrize("kind", SOME)
def test_in_a_tls_handshake(mute: MuteServer, handler: Handler, kind: type[Exception]) -> None:
    settings: Any = {"run_url": f"https://{mute.address}", "credentials": "a:b"}
    with StreamingClient(**settings, retry=3) as client:
        check_comes_out(handler.raises(kind), client.stream("acme/app").done, 0.5)
        until(lambda: mute.abandoned)
        assert mute.connected == 1


@pytest.mark.parametrize("kind", SOME)
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_in_a_proxy(
    scheme: str, handler: Handler, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "socks5":
        pytest.importorskip("socksio")
    with RawServer(wait_for_the_end) as proxy:
        monkeypatch.setenv("all_proxy", f"{scheme}://user:hunter2-secret@{proxy.address}")
        with StreamingClient(
            run_url="https://far.example",
            credentials="a:b",
            trusted_hosts=["far.example"],
            retry=3,
        ) as client:
            error = handler.raises(kind)
            check_comes_out(error, client.stream("acme/app").done)
            assert shown_in_frames(error, "hunter2-secret", "dXNlcjpodW50ZXIyLXNlY3JldA") == []


def wait_for_the_end(client: socket.socket) -> None:
    while client.recv(1000):
        pass


@pytest.mark.parametrize("kind", SOME)
def test_while_a_name_is_looked_up(
    handler: Handler, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, may_end = socket.getaddrinfo, threading.Event()

    def slow(host: Any, *args: Any, **options: Any) -> Any:
        may_end.wait(10)
        return look_up("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with StreamingClient(run_url="https://slow.fal.run", credentials="a:b", retry=3) as client:
        check_comes_out(handler.raises(kind), client.stream("acme/app").done)
        may_end.set()


@pytest.mark.parametrize("kind", SOME)
def test_a_large_request(mute: MuteServer, handler: Handler, kind: type[Exception]) -> None:
    with StreamingClient(run_url=f"http://{mute.address}", credentials="a:b", retry=3) as client:
        stream = client.stream("acme/app", input={"text": "x" * 30_000_000})
        check_comes_out(handler.raises(kind), stream.done, 0.5)
        assert mute.connected == 1


@pytest.mark.parametrize("kind", [*SOME, ValueError])
def test_uploads_tokens_retries_and_files(
    fal: LocalFal, handler: Handler, kind: type[Exception], tmp_path: Path
) -> None:
    silent = Reply(delay=math.inf)
    fal.add("acme/app", Reply(status=503, headers={"retry-after": "30"}))
    fal.add("acme/file", [{"image": {"url": f"{fal.url}/files/fox.png"}}])
    for path in ("/files/*", "/storage/upload/*", "/tokens/"):
        fal.route(path, silent)
    with StreamingClient(**fal.settings, retry=3, start_timeout=60) as client:
        with_token = client.stream("acme/app", connection_mode="client")
        files = list(client.stream("acme/file").files())
        calls: dict[str, Callable[[], object]] = {
            "retry": client.stream("acme/app").done,
            "token": with_token.done,
            "upload": lambda: client.storage.upload(b"fox"),
            "input": client.stream("acme/app", input={"image": b"fox"}).done,
            "file": files[0].read,
            "save": lambda: client.stream("acme/file").save(tmp_path),
            "map": lambda: list(client.stream_map("acme/app", [{}, {}])),
        }
        for name, call in calls.items():
            error = handler.raises(kind)
            check_comes_out(error, call)
            assert shown_in_frames(error, str(fal.key)) == [], name
        assert list(tmp_path.iterdir()) == []


class Chunk(pydantic.BaseModel):
    """A chunk whose validation takes long."""

    output: str

    @pydantic.field_validator("output")
    @classmethod
    def check(cls, output: str) -> str:
        checked_chunks.append(output)
        return str(here())


checked_chunks: list[str] = []


@pytest.mark.parametrize("kind", [*KINDS, LookupError, RuntimeError])
def test_functions_of_the_user(
    fal: LocalFal, handler: Handler, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    fal.add("acme/app", [{"output": "a"}, {"output": "b"}])
    controller = AbortController()
    with StreamingClient(**fal.settings) as client:

        def stream(**options: Any) -> Any:
            return client.stream("acme/app", **options)

        def abort() -> None:
            controller.signal.on_abort(here)
            controller.abort()

        calls: dict[str, Callable[[], object]] = {
            "listener": stream().on("data", here).done,
            "two listeners": stream().on("data", here).on("message", print).done,
            "listener of the end": stream().on("done", here).done,
            "is_final": stream(is_final=here).done,
            "output_type": stream(output_type=Chunk).done,
            "output_type and is_final": stream(output_type=Chunk, is_final=here).done,
            "text": lambda: stream().final_text(field=here),
            "on_abort": abort,
        }
        for name, call in calls.items():
            checked_chunks.clear()
            error = handler.raises(kind)
            with pytest.raises(kind) as caught:
                call()
            assert caught.value is error, name
            assert checked_chunks == (["a"] if "output_type" in name else [])
        assert caplog.text == ""


def test_an_input_whose_attributes_take_long(fal: LocalFal, handler: Handler) -> None:
    class Slow:
        @property
        def read(self) -> Any:
            return here()

    with StreamingClient(**fal.settings) as client:
        error = handler.raises(TimeoutError)
        with pytest.raises(TimeoutError) as caught:
            client.stream("acme/app", input={"file": Slow()}).done()
        assert caught.value is error


def test_while_an_exception_of_the_handler_is_handled(fal: LocalFal, handler: Handler) -> None:
    """A stream that is begun then has nothing to do with it, though its errors have a context."""
    fal.add("acme/app", [1, Pause(0.7), 2])
    fal.add("acme/cut", Reply([1], framing="close", headers={"content-length": "1000"}))
    with StreamingClient(**fal.settings) as client:
        try:
            here()
        except SoftTimeLimitExceeded:
            assert list(client.stream("acme/app")) == [1, 2]
            with pytest.raises(StreamInterrupted):
                list(client.stream("acme/cut"))
        else:
            raise AssertionError("nothing was raised")


def test_a_handler_that_aborts_and_raises(fal: LocalFal, handler: Handler) -> None:
    fal.add("acme/app", [1, Hang()])
    with StreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        assert next(stream) == 1
        error = handler.raises(TimeoutError)

        def abort_and_raise(*_: object) -> None:
            stream.abort()
            raise error

        signal.signal(signal.SIGUSR1, abort_and_raise)
        check_comes_out(error, lambda: next(stream))
        assert stream.signal.aborted
        assert stream.closed


def test_the_system_s_own_errors_stay_what_they_are(fal: LocalFal, handler: Handler) -> None:
    fal.add("acme/app", [1, Hang()])
    with StreamingClient(**fal.settings, timeout=0.2) as client:
        # A handler that has come, and raised nothing.
        signal.signal(signal.SIGUSR1, lambda *_: None)
        timer = threading.Timer(0.1, strike)
        timer.start()
        with pytest.raises(StreamTimeout, match="no sign of life"):
            client.stream("acme/app").done()
        timer.join()


FILES = [f"fal_stream/{folder}/" for folder in ("_sync", "_net", "_shared", "_reporting")]


# A connection that was torn apart is closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("kind", [TimeoutError, ValueError])
@pytest.mark.parametrize("scheme", ["plain", "tls"])
def test_at_each_step(
    request: pytest.FixtureRequest, handler: Handler, kind: type[Exception], scheme: str
) -> None:
    fal: LocalFal = request.getfixturevalue("fal" if scheme == "plain" else "tls_fal")
    fal.add("acme/app", [1, Pause(0.02), 2])
    with StreamingClient(**fal.settings, retry=None, keepalive_expiry=0) as client:
        client.stream("acme/app").done()
        for at in each_step(*FILES, like_signals=True, stride=17):
            error = handler.raises(kind)
            stream = client.stream("acme/app")
            try:
                with at(lambda: signal.raise_signal(signal.SIGUSR1)):
                    stream.done()
            except kind as caught:
                assert caught is error  # noqa: PT017 - nothing is raised in the last turn
                assert at.reached
            else:
                assert not at.reached, at.count
            # It may come before the stream has begun, or between two reads.
            stream.close()
            # What was torn apart is closed where the frames of the exception are gone.
            error.__traceback__ = None
            if at_work(client):
                gc.collect()
            assert at_work(client) == []


# Secrets.


OPTIONS: list[dict[str, Any]] = [
    {},
    {"method": "GET", "query_params": {"api_key": "hunter2-secret"}},
    {"connection_mode": "client"},
]


@pytest.mark.parametrize("own_client", [False, True])
def test_no_frame_shows_the_key_or_a_secret_parameter(
    either_fal: LocalFal, handler: Handler, *, own_client: bool
) -> None:
    either_fal.add("acme/app", Reply(delay=math.inf))
    settings: dict[str, Any] = dict(either_fal.settings)
    with contextlib.ExitStack() as stack:
        if own_client:
            settings["http_client"] = stack.enter_context(httpx.Client())
        client = stack.enter_context(StreamingClient(**settings))
        for options in OPTIONS:
            error = handler.raises(SoftTimeLimitExceeded)
            check_comes_out(error, client.stream("acme/app", **options).done, 0.4)
            request = either_fal.requests[-1]
            assert request.path == "/acme/app/stream"
            secrets = secrets_of(request.target, request.headers)
            assert len(secrets) >= 1
            assert shown_in_frames(error, *secrets) == [], options
