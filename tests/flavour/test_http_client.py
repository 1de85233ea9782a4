"""An HTTP client of the user's: threads, signals, cancellations, and what is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from fal_stream import AsyncStreamingClient, StreamingClient, StreamInterrupted, StreamTimeout
from fal_stream.testing import Hang, LocalFal, Pause, Reply
from tests.concurrency import Job, async_until, until
from tests.sockets import MuteServer, open_files, own_threads


@pytest.fixture(params=["httpx", "httpx2"])
def package(request: pytest.FixtureRequest) -> Any:
    """The HTTP library."""
    return pytest.importorskip(request.param)


@pytest.fixture
def http_client(package: Any) -> Iterator[Any]:
    """A blocking client of the user's, with a single connection."""
    with package.Client(limits=package.Limits(max_connections=1)) as client:
        yield client


@pytest.fixture
def client(fal: LocalFal, http_client: Any) -> Iterator[StreamingClient]:
    """A client that sends by it."""
    with StreamingClient(**fal.settings, http_client=http_client, retry=None) as client:
        yield client


# Threads.


def test_a_read_starts_no_thread(
    fal: LocalFal, client: StreamingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def note(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    fal.add("acme/app", [step for n in range(200) for step in (n, Pause(0.001))])
    monkeypatch.setattr(threading.Thread, "start", note)
    reader = threading.get_ident()
    seen = {threading.get_ident() for chunk in client.stream("acme/app") if chunk is not None}
    assert seen == {reader}
    ours = [name for name in started if name.startswith("fal_stream")]
    # One sends the request; the other keeps the time of all streams, and may have run before.
    assert set(ours) - {"fal_stream-timers"} == {"fal_stream-call"}
    assert ours.count("fal_stream-call") == 1
    assert len(ours) < 5


def test_threads_and_descriptors_are_given_back(fal: LocalFal, client: StreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    fal.add("acme/other", [1, 2])
    threads = own_threads()
    assert client.stream("acme/other").done() == 2
    until(lambda: own_threads() <= threads)
    files = open_files()
    for number in range(20):
        stream = client.stream("acme/app")
        assert next(stream) == 1
        if number % 2:
            threading.Timer(0.005, stream.abort).start()
            assert stream.done() is None or stream.signal.aborted
        else:
            stream.close()
        # The pool has room for one: it is free again.
        assert client.stream("acme/other", total_timeout=10).done() == 2
    until(lambda: own_threads() <= threads)
    until(lambda: open_files() <= files)


def test_an_abort_before_the_answer_frees_the_connection(
    mute: MuteServer, fal: LocalFal, http_client: Any
) -> None:
    before = own_threads()
    with StreamingClient(**fal.settings, http_client=http_client, retry=None) as client:
        stream = client.stream("acme/app", url=f"http://{mute.address}/")
        job = Job(stream.done)
        until(lambda: mute.spoke)
        stream.abort()
        assert job.result() is None
        until(lambda: mute.abandoned)
        until(lambda: own_threads() <= before)
        fal.add("acme/app", [1])
        assert client.stream("acme/app", total_timeout=10).done() == 1


def test_a_limit_before_the_answer_frees_a_connection_that_was_used_before(
    fal: LocalFal, client: StreamingClient
) -> None:
    fal.add("acme/app", [1])
    fal.add("acme/mute", Reply(delay=float("inf")))
    assert client.stream("acme/app").done() == 1
    with pytest.raises(StreamTimeout, match="start_timeout"):
        client.stream("acme/mute", start_timeout=0.2).done()
    # httpx's own timeout ends it, a second later.
    assert client.stream("acme/app", start_timeout=10).done() == 1


def made_transport(
    package: Any, pieces: Callable[[], Iterator[bytes]], close: Callable[[], object]
) -> Any:
    """Make a transport without a socket, whose pieces come one after the other."""
    stream = type(
        "Stream",
        (package.SyncByteStream,),
        {"__iter__": lambda _: pieces(), "close": lambda _: close()},
    )

    def handle_request(_: object, request: object) -> Any:
        headers = {"content-type": "text/event-stream"}
        return package.Response(200, headers=headers, stream=stream())

    return type("Transport", (package.BaseTransport,), {"handle_request": handle_request})()


def test_a_transport_without_a_socket(package: Any) -> None:
    readers: set[int] = set()
    is_over = threading.Event()

    def pieces() -> Iterator[bytes]:
        for number in range(50):
            readers.add(threading.get_ident())
            yield b"data: %d\n\n" % number
        is_over.wait(20)

    closed = threading.Event()
    before = own_threads()
    with (
        package.Client(transport=made_transport(package, pieces, closed.set)) as http_client,
        StreamingClient(run_url="http://127.0.0.1", http_client=http_client) as client,
    ):
        stream = client.stream("acme/app")
        assert [next(stream) for _ in range(50)] == list(range(50))
        assert len(readers) == 1
        job = Job(stream.done)
        stream.abort()
        job.result()
        with pytest.raises(StreamTimeout):
            client.stream("acme/app", timeout=0.1).done()
        is_over.set()
        assert closed.wait(10)
        until(lambda: own_threads() <= before)


# Signals.


class SoftTimeLimitExceeded(Exception):
    """As Celery's."""


class Interruption(BaseException):
    """As KeyboardInterrupt."""


@pytest.fixture
def interrupt(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    """Have a handler of signals raise an exception in the main thread, wherever it is."""
    if sys.platform == "win32":
        pytest.skip("Windows has no such signals")

    def handle(*_: object) -> None:
        raise request.param("enough")

    before = signal.signal(signal.SIGUSR1, handle)
    main = threading.get_ident()
    yield lambda: signal.pthread_kill(main, signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


RAISED = [SoftTimeLimitExceeded, TimeoutError, OSError, Interruption]


@pytest.mark.parametrize("interrupt", RAISED, indirect=True, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("script", [Reply(delay=float("inf")), [1, Hang()]], ids=["head", "body"])
@pytest.mark.parametrize("over", ["plain", "tls"])
def test_what_a_signal_handler_raises_comes_out(
    request: pytest.FixtureRequest,
    package: Any,
    interrupt: Callable[[], None],
    script: Any,
    over: str,
) -> None:
    fal: LocalFal = request.getfixturevalue("fal" if over == "plain" else "tls_fal")
    fal.add("acme/app", script)
    fal.add("acme/other", [1, 2])
    with (
        package.Client(limits=package.Limits(max_connections=1)) as http_client,
        StreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        stream = client.stream("acme/app")
        timer = threading.Timer(0.3, interrupt)
        timer.start()
        with pytest.raises(BaseException, match=r"^enough$") as caught:
            stream.done()
        timer.join()
        assert caught.type in RAISED
        assert stream.closed
        with pytest.raises(
            StreamInterrupted, match="the task or thread that read it was cancelled"
        ):
            stream.done()
        assert fal.requests[0].gone.wait(10)
        assert client.stream("acme/other", total_timeout=10).done() == 2


# Many threads.


def test_threads_that_abort_at_random_instants(either_fal: LocalFal, package: Any) -> None:
    """A late abort spares whoever has the connection next."""
    chunks = list(range(20))
    either_fal.add("acme/app", [step for chunk in chunks for step in (chunk, Pause(0.0005))])
    chance = random.Random(7)
    delays = [[chance.uniform(0, 0.06) for _ in range(8)] for _ in range(6)]

    def innocent() -> int:
        for _ in range(8):
            assert list(shared.stream("acme/app")) == chunks
        return 8

    def victim(delays: list[float]) -> int:
        aborted = 0
        for delay in delays:
            stream = shared.stream("acme/app")
            timer = threading.Timer(delay, stream.abort)
            timer.start()
            got: list[Any] = list(stream)
            assert got == chunks[: len(got)]
            assert len(got) == len(chunks) or stream.signal.aborted
            aborted += stream.signal.aborted
            timer.join()
        return aborted

    before = open_files()
    with (
        package.Client() as http_client,
        StreamingClient(**either_fal.settings, http_client=http_client) as shared,
    ):
        victims = [Job(victim, delays[number]) for number in range(6)]
        innocents = [Job(innocent) for _ in range(6)]
        assert [job.result() for job in innocents] == [8] * 6
        assert sum(job.result() for job in victims) > 0
        assert shared.stream("acme/app").done() == chunks[-1]
    until(lambda: open_files() <= before)


# Cancellations.


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_read_that_was_cancelled_is_no_end(fal: LocalFal, package: Any) -> None:
    fal.add("acme/app", [1, Pause(1), 2, 3])
    async with (
        package.AsyncClient(trust_env=False) as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        stream = client.stream("acme/app")
        assert await anext(stream) == 1
        async with anyio.create_task_group() as waiting:

            async def wait_for_it() -> None:
                with pytest.raises(StreamInterrupted, match="was cancelled"):
                    await stream.done()

            async with anyio.create_task_group() as reading:
                reading.start_soon(stream.done)
                await anyio.sleep(0.05)
                waiting.start_soon(wait_for_it)
                await anyio.sleep(0.05)
                reading.cancel_scope.cancel()
        assert stream.closed
        await async_until(fal.requests[0].gone.is_set)
        assert await client.stream("acme/app").done() == 3


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_at_each_turn_of_closing(fal: LocalFal, package: Any) -> None:
    fal.add("acme/app", [1, Hang()])
    async with (
        package.AsyncClient(trust_env=False) as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        pool = http_client._transport._pool
        for turns in range(12):
            stream = client.stream("acme/app")
            assert await anext(stream) == 1
            task = asyncio.create_task(stream.aclose())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await stream.aclose()
            await async_until(lambda: not pool._requests)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize("script", [Reply(delay=float("inf")), [1, Hang()]], ids=["head", "body"])
async def test_a_cancelled_reader_frees_the_connection(
    either_fal: LocalFal, package: Any, script: Any
) -> None:
    either_fal.add("acme/app", script)
    either_fal.add("acme/other", [1, 2])
    async with (
        package.AsyncClient(limits=package.Limits(max_connections=1)) as http_client,
        AsyncStreamingClient(**either_fal.settings, http_client=http_client) as client,
    ):
        for seconds in (0.0, 0.002, 0.02, 0.2):
            with anyio.move_on_after(seconds) as scope:
                await client.stream("acme/app").done()
            assert scope.cancelled_caught
            assert await client.stream("acme/other", total_timeout=10).done() == 2
    assert all(request.gone.wait(10) for request in either_fal.requests_to("acme/app"))


def test_an_event_loop_of_uvloop(fal: LocalFal, package: Any) -> None:
    uvloop = pytest.importorskip("uvloop")
    fal.add("acme/app", [1, Hang()])
    fal.add("acme/other", [1, 2])

    async def main() -> None:
        async with (
            package.AsyncClient(limits=package.Limits(max_connections=1)) as http_client,
            AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
        ):
            stream = client.stream("acme/app")
            assert await anext(stream) == 1
            threading.Timer(0.1, stream.abort).start()
            assert await asyncio.wait_for(stream.done(), 10) == 1
            with pytest.raises(StreamTimeout):
                await asyncio.wait_for(client.stream("acme/app", timeout=0.1).done(), 10)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(client.stream("acme/app").done(), 0.1)
            assert await client.stream("acme/other", total_timeout=10).done() == 2

    with contextlib.closing(uvloop.new_event_loop()) as loop:
        loop.run_until_complete(main())
    assert all(request.gone.wait(10) for request in fal.requests_to("acme/app"))


# Apps of this process.

EVENTS = b"data: 1\n\ndata: 2\n\n"


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """An app that streams two chunks."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": EVENTS})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """The same."""
    start_response("200 OK", [("content-type", "text/event-stream")])
    return [EVENTS]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_an_asgi_app(package: Any) -> None:
    async with (
        package.AsyncClient(transport=package.ASGITransport(asgi)) as http_client,
        AsyncStreamingClient(run_url="http://127.0.0.1", http_client=http_client) as client,
    ):
        assert [chunk async for chunk in client.stream("acme/app")] == [1, 2]


def test_a_wsgi_app(package: Any) -> None:
    with (
        package.Client(transport=package.WSGITransport(wsgi)) as http_client,
        StreamingClient(run_url="http://127.0.0.1", http_client=http_client) as client,
    ):
        assert list(client.stream("acme/app")) == [1, 2]


def test_the_test_client_of_starlette() -> None:
    http_client = pytest.importorskip("starlette.testclient").TestClient(asgi)
    with StreamingClient(run_url="http://127.0.0.1", http_client=http_client) as client:
        assert list(client.stream("acme/app")) == [1, 2]
    http_client.close()
