"""Looking names up: once for all who ask, so many at once, whatever happens to it."""

from __future__ import annotations

import _thread
import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio
import pytest

from fal_stream import AsyncStreamingClient, StreamConnectionError, StreamingClient
from fal_stream._net import resolver
from fal_stream._net.exchange import Aborted, BaseExchange
from fal_stream._net.happy_eyeballs import async_connect
from fal_stream._net.loops import running_loop
from fal_stream._net.resolver import MAX_LOOK_UPS, Address, ConnectFailed, LookUp, address_of
from fal_stream._shared.watchdog import Expired, Limits, Watchdog
from fal_stream.testing import LocalFal
from tests.concurrency import HANG, Job, until
from tests.flavour.connections import FLAVOURS, LOOPS, accepting, connect_by
from tests.flavour.test_fork import exit_code, run_in_child
from tests.flavour.test_reentry import WAITING
from tests.programs import ROOT
from tests.steps import Interruption, each_step

flavours = pytest.mark.parametrize("flavour", FLAVOURS)


class Names:
    """Answers look-ups of names that end in `.example`, when it is told to.

    Attributes:
        port: The port of a server on this machine, where these names lead.
        asked: How often each name has been asked for.
        at_once: How many look-ups have run at the same time at most.
        go_on: Lets the answers out.
        failure: What a look-up raises instead.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: Counter[str] = Counter()
        self.at_once = 0
        self.go_on = threading.Event()
        self.failure: BaseException | None = None
        self._running: list[str] = []
        self._look_up = socket.getaddrinfo

    def getaddrinfo(self, host: Any, *args: Any, **options: Any) -> Any:
        if not str(host).endswith(".example"):
            return self._look_up(host, *args, **options)
        self._running.append(host)
        self.at_once = max(self.at_once, len(self._running))
        self.asked[host] += 1
        try:
            assert self.go_on.wait(HANG)
        finally:
            self._running.remove(host)
        if self.failure is not None:
            raise self.failure
        return self._look_up("127.0.0.1", *args, **options)

    @property
    def running(self) -> int:
        """How many look-ups run now."""
        return len(self._running)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """Names that can be looked up, at first without an end."""
    with accepting() as port:
        names = Names(port)
        monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
        yield names
        names.go_on.set()
        until(lambda: not names.running)
        # Nothing of it is kept.
        assert resolver._look_ups._calls == {}
        until(lambda: not any(slot.locked() for slot in resolver._look_ups._worker_locks))


def in_vain(flavour: str, name: str, port: int, **options: Any) -> BaseException:
    """Give what connecting to a host raises."""
    try:
        connect_by(flavour, name, port, **options)
    except BaseException as error:
        return error
    raise AssertionError("it went well")


def test_all_flavours_share_a_look_up(names: Names) -> None:
    waiting: list[BaseExchange] = []
    connect = partial(connect_by, host="a.example", port=names.port, begun=waiting.append)
    jobs = [Job(connect, flavour) for flavour in FLAVOURS * 5]
    until(lambda: len(waiting) == len(jobs) and names.running > 0)
    time.sleep(0.1)
    names.go_on.set()
    assert [job.result() for job in jobs] == ["127.0.0.1"] * len(jobs)
    assert names.asked == {"a.example": 1}
    # It is not remembered.
    assert connect_by("blocking", "a.example", names.port) == "127.0.0.1"
    assert names.asked == {"a.example": 2}


@pytest.mark.parametrize("flavour", LOOPS)
def test_tasks_share_a_look_up(flavour: str, names: Names) -> None:
    async def connect() -> None:
        exchange = running_loop().exchange(Watchdog(Limits(start=20), time.monotonic))
        (await async_connect(exchange, "a.example", names.port)).close()

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(connect)
            while not names.running:
                await anyio.sleep(0.01)
            names.go_on.set()

    anyio.run(run, **LOOPS[flavour])
    assert names.asked == {"a.example": 1}


def test_ports_are_looked_up_apart(names: Names) -> None:
    names.go_on.set()
    found: list[Address] = []
    with (
        LookUp("a.example", 1, may_block=False) as one,
        LookUp("a.example", 2, may_block=False) as other,
    ):
        for look_up in (one, other):
            look_up.begin(lambda outcome: found.extend(outcome()))
        until(lambda: len(found) == 2)
    assert set(found) == {Address(socket.AF_INET, ("127.0.0.1", port)) for port in (1, 2)}


@flavours
def test_so_many_at_once(flavour: str, names: Names) -> None:
    count = 5 * MAX_LOOK_UPS
    jobs = [Job(connect_by, flavour, f"{n}.example", names.port) for n in range(count)]
    until(lambda: names.running == MAX_LOOK_UPS)
    time.sleep(0.1)
    names.go_on.set()
    assert [job.result() for job in jobs] == ["127.0.0.1"] * count
    assert names.at_once == MAX_LOOK_UPS
    assert len(names.asked) == count


@pytest.mark.parametrize("flavour", LOOPS)
def test_so_many_threads_at_once(
    flavour: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive, most = 0, 0
    start = _thread.start_new_thread

    def count(function: Callable[..., Any], args: tuple[Any, ...]) -> int:
        def run() -> None:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            try:
                function(*args)
            finally:
                alive -= 1

        return start(run, ())

    async def connect(name: str) -> None:
        exchange = running_loop().exchange(Watchdog(Limits(start=20), time.monotonic))
        (await async_connect(exchange, name, names.port)).close()

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(connect, f"{number}.example")
            while names.running < MAX_LOOK_UPS:
                await anyio.sleep(0.01)
            names.go_on.set()

    monkeypatch.setattr(_thread, "start_new_thread", count)
    anyio.run(run, **LOOPS[flavour])
    assert most == MAX_LOOK_UPS
    until(lambda: alive == 0)


@flavours
def test_who_waits_for_a_thread_can_be_aborted(flavour: str, names: Names) -> None:
    others = [Job(in_vain, "blocking", f"{n}.example", names.port) for n in range(MAX_LOOK_UPS)]
    until(lambda: names.running == MAX_LOOK_UPS)
    exchanges: list[BaseExchange] = []
    job = Job(partial(in_vain, flavour, "late.example", names.port, begun=exchanges.append))
    until(lambda: bool(exchanges))
    time.sleep(0.1)
    exchanges[0].abort()
    assert isinstance(job.result(), Aborted)
    assert isinstance(in_vain(flavour, "later.example", names.port, start=0.2), Expired)
    names.failure = OSError("enough")
    names.go_on.set()
    for other in others:
        assert isinstance(other.result(), ConnectFailed)
    until(lambda: not names.running)
    # Nobody waits for those any more.
    assert "late.example" not in names.asked
    assert "later.example" not in names.asked


@flavours
def test_a_look_up_that_all_have_given_up(flavour: str, names: Names) -> None:
    assert isinstance(in_vain(flavour, "a.example", names.port, start=0.2), Expired)
    assert (names.asked["a.example"], names.running) == (1, 1)
    # It still hangs; who comes later does not wait for it.
    job = Job(connect_by, flavour, "a.example", names.port)
    until(lambda: names.asked["a.example"] == 2)
    other = Job(connect_by, flavour, "a.example", names.port)
    time.sleep(0.1)
    names.go_on.set()
    assert job.result() == other.result() == "127.0.0.1"
    assert names.asked["a.example"] == 2


class Unfriendly(Exception):
    """One that can't be copied."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__("no")


FAILURES: list[tuple[BaseException, str]] = [
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
    (OSError(24, "Too many open files"), "Too many open files"),
    (RuntimeError("no network in tests"), "RuntimeError: no network in tests"),
    (UnicodeError("label empty or too long"), "UnicodeError: label empty or too long"),
    (Unfriendly(1, 2), "Unfriendly: no"),
    (MemoryError(), "MemoryError"),
]


@flavours
@pytest.mark.parametrize(("failure", "told"), FAILURES, ids=lambda case: type(case).__name__)
def test_a_failure(flavour: str, names: Names, failure: BaseException, told: str) -> None:
    names.failure = failure
    names.go_on.set()
    error = in_vain(flavour, "a.example", names.port, start=None)
    assert isinstance(error, ConnectFailed)
    assert str(error).startswith(f"a.example:{names.port}: ")
    assert told in str(error)


class Outcome(BaseException):
    """What a test's own guard may raise; it is no `Exception`."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__("no")


@pytest.mark.parametrize("flavour", ["blocking", "asyncio"])
def test_a_stream_whose_name_can_not_be_looked_up(flavour: str, names: Names) -> None:
    names.failure = RuntimeError("no network in tests")
    names.go_on.set()
    settings: dict[str, Any] = {"run_url": "http://a.example", "start_timeout": None}

    async def run() -> None:
        async with AsyncStreamingClient(**settings) as client:
            await client.stream("acme/app").done()

    # It is not tried again: nothing of it depends on the network.
    with pytest.raises(StreamConnectionError, match=r"a\.example:80: .*no network") as caught:
        if flavour == "blocking":
            StreamingClient(**settings).stream("acme/app").done()
        else:
            anyio.run(run)
    assert not caught.value.transient
    assert names.asked["a.example"] == 1


@flavours
def test_a_failure_that_is_no_exception(flavour: str, names: Names) -> None:
    names.failure = Outcome(1, 2)
    names.go_on.set()
    assert isinstance(in_vain(flavour, "a.example", names.port, start=None), Outcome)


def test_each_gets_an_error_of_its_own(names: Names) -> None:
    names.failure = OSError("no")
    jobs = [Job(in_vain, "blocking", "a.example", names.port) for _ in range(5)]
    until(lambda: names.running == 1)
    time.sleep(0.1)
    names.go_on.set()
    errors = [job.result() for job in jobs]
    assert len({id(error) for error in errors}) == 5
    assert len({str(error) for error in errors}) == 1


@pytest.mark.parametrize("answer", [[], [(socket.AF_UNIX, 1, 0, "", "/tmp/x")]])
def test_a_name_without_an_address(answer: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    error = in_vain("blocking", "a.example", 80)
    assert isinstance(error, ConnectFailed)
    assert str(error) == "a.example:80: the name has no address"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", Address(socket.AF_INET, ("127.0.0.1", 7))),
        ("fd00::1", Address(socket.AF_INET6, ("fd00::1", 7, 0, 0))),
        ("fe80::1%eth0", None),
        ("a.example", None),
        ("127.1", None),
        ("", None),
    ],
)
def test_literals(host: str, expected: Address | None) -> None:
    assert address_of(host, 7) == expected


def no_thread(*_: Any) -> int:
    raise RuntimeError("can't start new thread")


@flavours
def test_no_thread_is_to_be_had(
    flavour: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.go_on.set()
    monkeypatch.setattr(_thread, "start_new_thread", no_thread)
    if flavour == "blocking":
        assert connect_by(flavour, "a.example", names.port) == "127.0.0.1"
        names.failure = RuntimeError("no network in tests")
        assert "no network" in str(in_vain(flavour, "a.example", names.port))
    else:
        error = in_vain(flavour, "a.example", names.port, start=None)
        assert isinstance(error, ConnectFailed)
        assert str(error) == (
            f"a.example:{names.port}: no thread can be started to look the name up"
        )
        assert names.asked == {}


@flavours
def test_no_further_thread_is_to_be_had(
    flavour: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Job(connect_by, "blocking", "a.example", names.port)
    until(lambda: names.running == 1)
    begun: list[BaseExchange] = []
    monkeypatch.setattr(_thread, "start_new_thread", no_thread)
    seen: list[str] = []

    def wait_for_it() -> None:
        until(lambda: bool(begun))
        seen.append("begun")
        names.go_on.set()

    # Threads of the test's own go by another function.
    monkeypatch.setattr(threading, "_start_new_thread", _START, raising=False)
    helper = Job(wait_for_it)
    # The thread that there is sees to it.
    assert connect_by(flavour, "b.example", names.port, begun=begun.append) == "127.0.0.1"
    helper.result()
    assert first.result() == "127.0.0.1"
    assert names.asked == {"a.example": 1, "b.example": 1}


_START = _thread.start_new_thread


def test_streams_go_on_where_no_thread_is_to_be_had(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fal.add("acme/app", [1])
    url = fal.url.replace("127.0.0.1", "localhost")
    monkeypatch.setattr(_thread, "start_new_thread", no_thread)
    with StreamingClient(run_url=url, credentials=fal.key) as client:
        assert client.stream("acme/app").done() == 1

    async def run() -> None:
        settings: dict[str, Any] = {"credentials": fal.key, "retry": None}
        async with AsyncStreamingClient(run_url=url, **settings) as client:
            with pytest.raises(StreamConnectionError, match="no thread can be started"):
                await client.stream("acme/app").done()
        async with AsyncStreamingClient(run_url=fal.url, **settings) as client:
            assert await client.stream("acme/app").done() == 1

    anyio.run(run)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_while_a_name_is_looked_up(names: Names) -> None:
    jobs = [Job(connect_by, "blocking", f"{n}.example", names.port) for n in range(20)]
    until(lambda: names.running == MAX_LOOK_UPS)

    def look_up_again() -> None:
        names.go_on = threading.Event()
        names.go_on.set()
        for number in range(20):
            assert connect_by("blocking", f"{number}.example", names.port) == "127.0.0.1"

    assert exit_code(run_in_child(look_up_again)) == 0
    names.go_on.set()
    assert [job.result() for job in jobs] == ["127.0.0.1"] * 20


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_interruption_at_each_step(names: Names) -> None:
    """No later look-up waits for one that was interrupted."""
    names.go_on.set()

    def all_steps() -> None:
        for at in each_step(*WAITING, like_signals=True, least=100):
            with contextlib.suppress(Interruption), at:
                connect_by("blocking", "a.example", names.port)
            assert connect_by("blocking", "a.example", names.port) == "127.0.0.1"

    Job(all_steps).result(120)


def test_a_connection_in_a_signal_handler_at_each_step(names: Names) -> None:
    names.go_on.set()
    outcomes: list[str] = []

    def connect() -> None:
        outcomes.append(connect_by("blocking", "a.example", names.port))

    def all_steps() -> None:
        for at in each_step(*WAITING, stride=3, least=300):
            with at(connect):
                connect()

    Job(all_steps).result(120)
    assert len(outcomes) > 200
    assert set(outcomes) == {"127.0.0.1"}


AT_EXIT = """
    import asyncio, atexit, sys
    from fal_stream import AsyncStreamingClient, StreamConnectionError, StreamingClient

    settings = {"run_url": sys.argv[2], "credentials": "local-id:local-secret", "retry": None}

    async def stream():
        async with AsyncStreamingClient(**settings) as client:
            return await client.stream("acme/app").done()

    @atexit.register
    def at_exit():
        if sys.argv[1] == "blocking":
            with StreamingClient(**settings) as client:
                print(client.stream("acme/app").done())
        else:
            try:
                print(asyncio.run(stream()))
            except StreamConnectionError as error:
                # From Python 3.12 on.
                assert "no thread can be started" in str(error)
                print(1)
"""


@pytest.mark.parametrize("flavour", ["blocking", "asyncio"])
def test_at_the_exit_of_the_interpreter(fal: LocalFal, flavour: str) -> None:
    fal.add("acme/app", [1])
    url = fal.url.replace("127.0.0.1", "localhost")
    program = [sys.executable, "-W", "error", "-c", textwrap.dedent(AT_EXIT), flavour, url]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


HANGING = """
    import socket, threading
    from fal_stream import StreamingClient, StreamTimeout

    def getaddrinfo(*args, **options):
        threading.Event().wait()

    socket.getaddrinfo = getaddrinfo
    client = StreamingClient(run_url="http://a.example", start_timeout=0.2)
    try:
        client.stream("acme/app").done()
    except StreamTimeout:
        print("timed out")
"""


def test_a_look_up_that_hangs_does_not_hold_up_the_exit() -> None:
    program = [sys.executable, "-W", "error", "-c", textwrap.dedent(HANGING)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (0, "timed out\n", "")
