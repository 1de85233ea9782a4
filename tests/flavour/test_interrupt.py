"""Ctrl-C, and many threads that abort at random instants."""

from __future__ import annotations

import contextlib
import inspect
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import fal_stream
from fal_stream import FalStream, StreamingClient, StreamInterrupted
from fal_stream._net import sync_socket, timers
from fal_stream._sync.http import connection, pool, transport
from fal_stream.testing import Hang, LocalFal, Pause, Reply, Script
from tests.concurrency import Job, until
from tests.faults.servers import RawServer
from tests.flavour.pools import at_work
from tests.programs import running
from tests.sockets import MuteServer, open_files
from tests.steps import each_step, uncollected

BLOCKING = """
import sys
from fal_stream import StreamingClient

with StreamingClient(run_url=sys.argv[1], credentials="local-id:local-secret") as client:
    with client.stream("acme/app") as stream:
        for chunk in stream:
            print(chunk, flush=True)
"""

ASYNC = """
import sys, {library}
from fal_stream import AsyncStreamingClient

async def main():
    async with AsyncStreamingClient(
        run_url=sys.argv[1], credentials="local-id:local-secret"
    ) as client:
        async with client.stream("acme/app") as stream:
            async for chunk in stream:
                print(chunk, flush=True)

"""
PROGRAMS = {
    "blocking": BLOCKING,
    "asyncio": ASYNC.format(library="asyncio") + "asyncio.run(main())",
    "trio": ASYNC.format(library="trio") + "trio.run(main)",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows can't send Ctrl-C to one process")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("script", [[1, Hang()], Reply(delay=float("inf"))], ids=["body", "head"])
def test_ctrl_c(either_fal: LocalFal, program: str, script: Script) -> None:
    either_fal.add("acme/app", script)
    with running("-X", "dev", "-W", "error", "-c", program, either_fal.url) as process:
        (request,) = either_fal.wait_for_requests(1, timeout=30)
        time.sleep(0.2)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
        took = time.monotonic() - pressed
    assert process.returncode == -signal.SIGINT
    assert out == ("1\n" if isinstance(script, list) else "")
    assert errors.rstrip().endswith("KeyboardInterrupt")
    if sys.version_info >= (3, 11):
        # What lies between the user's line and the wait is short.
        assert errors.count("/fal_stream/") <= 4, errors
    assert "Exception ignored" not in errors
    assert "never retrieved" not in errors
    assert request.gone.wait(10)
    print(f"Ctrl-C took {took * 1000:.0f} ms")
    assert took < 10


UPLOADING = PROGRAMS["trio"].replace(
    'stream("acme/app")', 'stream("acme/app", input={"one": b"x", "other": b"y"})'
)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows can't send Ctrl-C to one process")
def test_ctrl_c_in_uploads_on_trio(fal: LocalFal, mute: MuteServer) -> None:
    program = UPLOADING.replace("run_url=", f"rest_url='http://{mute.address}', run_url=")
    with running("-c", program, fal.url) as process:
        until(lambda: mute.connected == 2 and mute.spoke)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("\nKeyboardInterrupt")


STEPS = {module.__file__ for module in (connection, pool, transport, sync_socket, timers)}


class Interruption(BaseException):
    """Stands for KeyboardInterrupt, which would end the tests."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Have a handler of signals raise an exception in the main thread, wherever it is."""
    if sys.platform == "win32":
        pytest.skip("Windows has no such signals")

    def handle(*_: object) -> None:
        raise Interruption

    before = signal.signal(signal.SIGUSR1, handle)
    main = threading.get_ident()
    yield lambda: signal.pthread_kill(main, signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def test_an_interrupted_stream_is_given_up(
    either_fal: LocalFal, interrupt: Callable[[], None]
) -> None:
    either_fal.add("acme/app", [1, Hang()])
    either_fal.add("acme/other", [1, 2])
    with StreamingClient(**either_fal.settings) as client:
        stream = client.stream("acme/app")
        assert next(stream) == 1
        timer = threading.Timer(0.1, interrupt)
        timer.start()
        with pytest.raises(Interruption):
            next(stream)
        timer.join()
        assert stream.closed
        with pytest.raises(StreamInterrupted, match="after 1 chunk because the task"):
            stream.done()
        assert either_fal.requests[0].gone.wait(10)
        assert client.stream("acme/other").done() == 2


@pytest.mark.parametrize("size", [20, 50_000, 300_000])
def test_an_interrupted_save_keeps_what_came(
    fal: LocalFal,
    interrupt: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    size: int,
) -> None:
    body = b"RIFF" + b"1" * size + b"2" * size
    pieces = [body[: 4 + size], Pause(0.1), body[4 + size :], Hang()]
    fal.add("acme/tts", Reply(pieces, content_type="audio/wav"))
    part = tmp_path / "a.wav.part"
    with StreamingClient(**fal.settings) as client:
        stream = client.stream("acme/tts")

        def interrupt_when_all_is_there() -> None:
            until(lambda: stream._chunk_reader.received == len(body) and part.exists())
            interrupt()

        job = Job(interrupt_when_all_is_there)
        with pytest.raises(Interruption):
            stream.save(tmp_path / "a.wav")
        job.result()
    assert part.read_bytes() == body
    assert os.listdir(tmp_path) == ["a.wav.part"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages == [f"A file broke off; the part that arrived is in {part}"]


# Python closes a file that was opened when the signal came, and warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("size", [20, 300_000])
def test_an_interruption_at_each_step_of_a_save(
    fal: LocalFal, caplog: pytest.LogCaptureFixture, tmp_path: Path, size: int
) -> None:
    pieces = [b"1" * size, b"2" * size]
    fal.add("acme/tts", Reply([pieces[0], Pause(0.002), pieces[1]], content_type="audio/wav"))
    files = ("_sync/file_writer.py", "_sync/saver.py", "_sync/save_stream.py", "part_file.py")
    with StreamingClient(**fal.settings) as client:
        for number, at in enumerate(each_step(*files, like_signals=True, stride=3)):
            caplog.clear()
            folder = tmp_path / str(number)
            folder.mkdir()
            whole, part = folder / "a.wav", folder / "a.wav.part"
            stream = client.stream("acme/tts")
            with contextlib.suppress(Interruption), at(raise_interruption):
                assert stream.save(whole) == [whole]
            came = b"".join(pieces)[: stream._chunk_reader.received]
            assert set(os.listdir(folder)) <= {"a.wav", "a.wav.part"}
            if whole.exists():
                assert whole.read_bytes() == b"".join(pieces)
            elif part.exists():
                # One piece is lost where it comes between taking it up and keeping it.
                assert came.startswith(part.read_bytes())
                assert part.stat().st_size
                assert caplog.messages == [f"A file broke off; the part that arrived is in {part}"]
            assert whole.exists() or at.reached


def raise_interruption() -> None:
    raise Interruption


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_an_interruption_in_a_proxy_leaves_nothing_in_the_pool(
    scheme: str, interrupt: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "socks5":
        pytest.importorskip("socksio")
    answer = b"HTTP/1.1 200 OK\r\n\r\n" if scheme == "http" else b""

    def play(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(answer)
        time.sleep(0.1)
        interrupt()
        while client.recv(1000):
            pass

    with RawServer(play) as proxy:
        monkeypatch.setenv("all_proxy", f"{scheme}://{proxy.address}")
        with StreamingClient(
            run_url="https://far.example", credentials="a:b", trusted_hosts=["far.example"]
        ) as client:
            before = open_files()
            with pytest.raises(Interruption):
                client.stream("acme/app").done()
            assert at_work(client) == []
            until(lambda: open_files() <= before + 1)  # the proxy's own end


def test_an_interruption_while_waiting_for_another_thread(
    fal: LocalFal, interrupt: Callable[[], None]
) -> None:
    fal.add("acme/app", [1, Pause(1), 2])
    with StreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        job = Job(stream.done)
        until(lambda: stream.current_data == 1)
        timer = threading.Timer(0.1, interrupt)
        timer.start()
        with pytest.raises(Interruption):
            stream.done()
        timer.join()
        assert job.result() == 2
        assert list(stream) == [1, 2]


def chunks_of(stream: FalStream[Any]) -> list[Any]:
    """Iterate a stream to its end."""
    return list(stream)


def test_threads_that_abort_at_random_instants(either_fal: LocalFal) -> None:
    chunks = list(range(30))
    script: list[object] = [step for chunk in chunks for step in (chunk, Pause(0.0005))]
    either_fal.add("acme/app", script)
    chance = random.Random(7)
    delays = [[chance.uniform(0, 0.06) for _ in range(12)] for _ in range(16)]

    def innocent() -> int:
        for _ in range(12):
            assert list(client.stream("acme/app")) == chunks
        return 12

    def victim(delays: list[float]) -> int:
        aborted = 0
        for delay in delays:
            stream = client.stream("acme/app")
            timer = threading.Timer(delay, stream.abort)
            timer.start()
            got: list[Any] = list(stream)
            assert got == chunks[: len(got)]
            assert len(got) == len(chunks) or stream.signal.aborted
            aborted += stream.signal.aborted
            timer.join()
        return aborted

    with StreamingClient(**either_fal.settings) as client:
        assert client.stream("acme/app").done() == chunks[-1]
        before = open_files()
        victims = [Job(victim, delays[number]) for number in range(8)]
        innocents = [Job(innocent) for _ in range(8)]
        assert [job.result() for job in innocents] == [12] * 8
        assert sum(job.result() for job in victims) > 0
        assert client.stream("acme/app").done() == chunks[-1]
    until(lambda: open_files() < before)


def take_into(chunks: list[int], stream: fal_stream.FalStream[int]) -> None:
    """Iterate a stream to its end."""
    for chunk in stream:
        chunks.append(chunk)  # noqa: PERF402 - what came before an error counts


def test_closing_the_client_under_busy_threads(either_fal: LocalFal) -> None:
    either_fal.add("acme/app", [step for n in range(1000) for step in (n, Pause(0.0005))])
    before = open_files()
    for number in range(10):
        client = StreamingClient(**either_fal.settings)
        got: list[list[int]] = [[] for _ in range(6)]
        jobs = [Job(take_into, chunks, client.stream("acme/app")) for chunks in got]
        time.sleep(0.01 * number)
        client.close()
        for job in jobs:
            # Where it had not started yet, it is the client that can't be used any more.
            with pytest.raises((fal_stream.StreamInterrupted, fal_stream.ConfigError)):
                job.result()
        for chunks in got:
            assert chunks == list(range(len(chunks)))
    until(lambda: open_files() <= before)


# What was being connected is closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_an_interruption_at_each_return_in_the_transport(fal: LocalFal) -> None:
    """Between two steps of Python, Ctrl-C may come: after a lock was taken, for one."""
    fal.add("acme/app", [1, 2])
    count = place = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        if frame.f_code.co_filename not in STEPS:
            return None
        # A generator that returns has been closed by then.
        if event == "return" and not frame.f_code.co_flags & inspect.CO_GENERATOR:
            count += 1
            if count == place:
                raise Interruption
        return trace

    while count >= place:
        count, place = 0, place + 1
        # It is not closed: where a lock was left locked, that would wait for it too.
        client = StreamingClient(**fal.settings)
        tracing = sys.gettrace()
        sys.settrace(trace)
        try:
            with uncollected(), contextlib.suppress(Interruption):
                client.stream("acme/app").done()
        finally:
            sys.settrace(tracing)
        assert Job(client.stream("acme/app").done).result() == 2
        client.close()
    assert place > 30


# One whose request was torn apart is closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("seconds", [5.0, 0.0], ids=["kept", "outdated"])
def test_an_interruption_at_each_step_of_the_pool(fal: LocalFal, seconds: float) -> None:
    """A Ctrl-C comes where a function begins or has returned; no later request pays for it."""
    fal.add("acme/app", [1, 2])
    count = place = 0

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        code = frame.f_code
        # A generator that returns has been closed by then.
        is_step = event in ("call", "c_return") or (
            event == "return" and not code.co_flags & inspect.CO_GENERATOR
        )
        if is_step and code.co_filename in STEPS:
            count += 1
            if count == place:
                raise Interruption

    while count >= place:
        count, place = 0, place + 1
        with StreamingClient(**fal.settings, retry=None, keepalive_expiry=seconds) as client:
            client.stream("acme/app").done()
            profiling = sys.getprofile()
            sys.setprofile(profile)
            try:
                with uncollected(), contextlib.suppress(Interruption):
                    client.stream("acme/app").done()
            finally:
                sys.setprofile(profiling)
            for _ in range(2):
                assert list(client.stream("acme/app")) == [1, 2], place
    assert place > 50
