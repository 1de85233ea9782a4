"""Connecting to hosts with several addresses, of which some refuse and some never answer."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from fal_stream import StreamConnectionError, StreamingClient
from fal_stream._net import happy_eyeballs
from fal_stream._net.exchange import Aborted, BaseExchange
from fal_stream._net.happy_eyeballs import async_connect, interleaved
from fal_stream._net.loops import running_loop
from fal_stream._net.resolver import Address, ConnectFailed
from fal_stream._shared.watchdog import Expired, Limits, Watchdog
from fal_stream.testing import LocalFal
from tests.concurrency import Job, until
from tests.flavour.connections import FLAVOURS, LOOPS, connect_by
from tests.flavour.test_reentry import WAITING
from tests.programs import ROOT
from tests.sockets import open_files
from tests.steps import Interruption, each_step

HOST = "many.example"
flavours = pytest.mark.parametrize("flavour", FLAVOURS)

# Addresses of this machine at which something happens, all at the port of the fixture `hosts`.
GOOD, GOOD_V6 = "127.0.0.1", "::1"
SILENT = [f"127.0.1.{number}" for number in range(1, 5)]
REFUSING = [f"127.0.2.{number}" for number in range(1, 25)]


class Hosts:
    """A name whose addresses can be set.

    Attributes:
        port: The port.
        addresses: The addresses that the name has.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.addresses: list[str] = []

    def getaddrinfo(self, host: Any, *_: Any, **__: Any) -> list[Any]:
        assert host == HOST
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, self.port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, self.port))
            for address in self.addresses
        ]


@pytest.fixture(scope="module")
def loops() -> None:
    """Begin with each event loop: uvloop keeps two file descriptors from then on."""
    for options in LOOPS.values():
        anyio.run(anyio.sleep, 0, **options)


@pytest.fixture
def hosts(loops: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    """Servers at the good addresses, silence at the silent ones, and a name for all of them."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server((GOOD, 0), backlog=1024))
        port = server.getsockname()[1]
        try:
            other = socket.create_server((GOOD_V6, port), family=socket.AF_INET6)
        except OSError:
            pytest.skip("IPv6 is not to be had here")
        stack.enter_context(other)
        for address in SILENT:
            _fill(stack, address, port)
        hosts = Hosts(port)
        monkeypatch.setattr(socket, "getaddrinfo", hosts.getaddrinfo)
        yield hosts


def _fill(stack: ExitStack, address: str, port: int) -> None:
    listener = stack.enter_context(socket.socket())
    listener.bind((address, port))
    listener.listen(0)
    # Those that connect fill the queue; from then on the system answers nobody.
    for _ in range(8):
        filler = stack.enter_context(socket.socket())
        filler.settimeout(0.1)
        try:
            filler.connect((address, port))
        except TimeoutError:
            return
        except OSError:
            pytest.skip("a full queue refuses connections here")
    pytest.skip("a queue can't be filled here")


def never_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next address tried only where one has failed."""
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", 1000.0)


@flavours
def test_a_single_address(flavour: str, hosts: Hosts) -> None:
    hosts.addresses = [GOOD]
    assert connect_by(flavour, HOST, hosts.port) == GOOD
    assert connect_by(flavour, GOOD, hosts.port) == GOOD
    assert connect_by(flavour, GOOD_V6, hosts.port) == GOOD_V6


@flavours
def test_a_silent_address_gives_way(flavour: str, hosts: Hosts) -> None:
    hosts.addresses = [SILENT[0], SILENT[1], GOOD]
    files = open_files()
    # Each of them was given ten seconds before.
    assert connect_by(flavour, HOST, hosts.port, start=8.0) == GOOD
    assert open_files() == files


@flavours
def test_a_refusal_gives_way_at_once(
    flavour: str, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_by_time(monkeypatch)
    hosts.addresses = [*REFUSING, GOOD]
    files = open_files()
    assert connect_by(flavour, HOST, hosts.port) == GOOD
    assert open_files() == files


@flavours
def test_an_address_that_can_not_be_used_gives_way_at_once(
    flavour: str, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_by_time(monkeypatch)
    hosts.addresses = ["255.255.255.255", "fe80::1", GOOD]
    assert connect_by(flavour, HOST, hosts.port) == GOOD


@flavours
def test_the_first_one_is_taken_where_both_answer(flavour: str, hosts: Hosts) -> None:
    for addresses in ([GOOD_V6, GOOD], [GOOD, GOOD_V6]):
        hosts.addresses = addresses
        assert connect_by(flavour, HOST, hosts.port) == addresses[0]


@flavours
def test_the_other_family_is_next(
    flavour: str, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_by_time(monkeypatch)
    hosts.addresses = [REFUSING[0], *SILENT, GOOD_V6]
    assert connect_by(flavour, HOST, hosts.port) == GOOD_V6


def test_families_take_turns() -> None:
    four = [Address(socket.AF_INET, (f"10.0.0.{n}", 1)) for n in range(3)]
    six = [Address(socket.AF_INET6, (f"fd00::{n}", 1, 0, 0)) for n in range(2)]
    assert interleaved([*six, *four]) == [six[0], four[0], six[1], four[1], four[2]]
    assert interleaved([four[0], *six, four[1]]) == [four[0], six[0], four[1], six[1]]
    assert interleaved(four) == four
    assert interleaved([]) == []


@flavours
def test_all_have_failed(flavour: str, hosts: Hosts) -> None:
    with socket.create_server((GOOD_V6, 0), family=socket.AF_INET6) as listener:
        hosts.port = listener.getsockname()[1]
    hosts.addresses = [REFUSING[0], REFUSING[1], GOOD_V6]
    with pytest.raises(ConnectFailed) as caught:
        connect_by(flavour, HOST, hosts.port)
    told = str(caught.value)
    assert told.startswith(f"{HOST}:{hosts.port}: {REFUSING[0]}: [Errno ")
    assert [part.split(": ")[0] for part in told.split("; ")][1:] == [GOOD_V6, REFUSING[1]]
    assert told.count("refused") == 3
    assert caught.value.__cause__ is None


@flavours
def test_a_failure_names_no_more_than_some_addresses(flavour: str, hosts: Hosts) -> None:
    hosts.addresses = REFUSING
    with pytest.raises(ConnectFailed) as caught:
        connect_by(flavour, HOST, hosts.port)
    told = str(caught.value)
    assert told.count("refused") == 4
    assert told.endswith("; and 20 more")


@flavours
@pytest.mark.parametrize("address", [REFUSING[0], GOOD_V6])
def test_a_literal_is_named_once(flavour: str, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailed) as caught:
        connect_by(flavour, address, port)
    name = f"[{address}]" if ":" in address else address
    assert str(caught.value).startswith(f"{name}:{port}: [Errno ")


@flavours
def test_the_timeout_is_for_all_addresses_together(
    flavour: str, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", 1.0)
    hosts.addresses = SILENT
    files = open_files()
    with pytest.raises(ConnectFailed) as caught:
        connect_by(flavour, HOST, hosts.port, timeout=1.5)
    # Those that were not begun by then are not waited for.
    assert str(caught.value) == (
        f"{HOST}:{hosts.port}: {SILENT[0]}: no answer; {SILENT[1]}: no answer"
    )
    assert open_files() == files


@flavours
def test_a_limit_runs_out(flavour: str, hosts: Hosts) -> None:
    hosts.addresses = SILENT
    files = open_files()
    with pytest.raises(Expired):
        connect_by(flavour, HOST, hosts.port, start=0.4)
    assert open_files() == files


@flavours
def test_no_more_than_some_at_once(
    flavour: str, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", 0.01)
    monkeypatch.setattr(happy_eyeballs, "MAX_ATTEMPTS", 2)
    hosts.addresses = [*SILENT, GOOD]
    with pytest.raises(Expired):
        connect_by(flavour, HOST, hosts.port, start=0.4)
    hosts.addresses = [SILENT[0], *REFUSING, GOOD]
    assert connect_by(flavour, HOST, hosts.port) == GOOD


@flavours
@pytest.mark.parametrize("count", [1, 3])
def test_an_abort(flavour: str, hosts: Hosts, count: int) -> None:
    hosts.addresses = SILENT[:count]
    files = open_files()

    def begun(exchange: BaseExchange) -> None:
        threading.Timer(0.6, exchange.abort).start()

    begin = time.monotonic()
    with pytest.raises(Aborted):
        connect_by(flavour, HOST, hosts.port, start=None, begun=begun)
    print(f"{time.monotonic() - begin - 0.6:.3f} s after the abort")
    until(lambda: open_files() <= files)


@pytest.mark.parametrize("flavour", LOOPS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_cancellation(flavour: str, hosts: Hosts, count: int) -> None:
    hosts.addresses = SILENT[:count]
    files = open_files()

    async def run() -> bool:
        exchange = running_loop().exchange(Watchdog(Limits(), time.monotonic))
        with anyio.move_on_after(0.6) as scope:
            await async_connect(exchange, HOST, hosts.port)
        return scope.cancelled_caught

    assert anyio.run(run, **LOOPS[flavour])
    until(lambda: open_files() <= files)


@pytest.mark.parametrize("flavour", LOOPS)
def test_a_cancellation_at_each_step(flavour: str, hosts: Hosts) -> None:
    """A task is cancelled after so many rounds of its loop; the connection may be there by then."""
    hosts.addresses = [REFUSING[0], GOOD]
    files = open_files()

    async def run(rounds: int) -> bool:
        exchange = running_loop().exchange(Watchdog(Limits(), time.monotonic))
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def cancel() -> None:
                    for _ in range(rounds):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()

                group.start_soon(cancel)
                wire = await async_connect(exchange, HOST, hosts.port)
                wire.close()
                group.cancel_scope.cancel()
        return scope.cancelled_caught

    rounds = 0
    while anyio.run(run, rounds, **LOOPS[flavour]):
        rounds += 1
    assert rounds > 1
    until(lambda: open_files() <= files)


# What was not stored yet is closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_interruption_at_each_step(hosts: Hosts) -> None:
    hosts.addresses = [REFUSING[0], GOOD]

    def all_steps() -> None:
        for at in each_step(*WAITING, like_signals=True, least=50):
            with contextlib.suppress(Interruption), at:
                connect_by("blocking", HOST, hosts.port)

    before = open_files()
    Job(all_steps).result(120)
    assert connect_by("blocking", HOST, hosts.port) == GOOD
    gc.collect()
    until(lambda: open_files() <= before)


def test_a_loop_that_watches_no_sockets(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is that of Windows."""

    def refuse(*_: Any) -> None:
        raise NotImplementedError

    async def run() -> str:
        exchange = running_loop().exchange(Watchdog(Limits(start=20), time.monotonic))
        wire = await async_connect(exchange, HOST, hosts.port)
        peer = wire.get_extra_info("socket").getpeername()[0]
        wire.close()
        return str(peer)

    files = open_files()
    loop = asyncio.SelectorEventLoop()
    monkeypatch.setattr(loop, "add_writer", refuse)
    monkeypatch.setattr(loop, "remove_writer", refuse)
    try:
        for addresses in ([GOOD], [SILENT[0], REFUSING[0], GOOD]):
            hosts.addresses = addresses
            assert loop.run_until_complete(run()) == GOOD
        hosts.addresses = [REFUSING[0]]
        with pytest.raises(ConnectFailed, match="refused"):
            loop.run_until_complete(run())
        # The one that was given up is closed in the next round.
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()
    until(lambda: open_files() <= files)


OPTIONS = {"TCP_NODELAY": 1, "TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


@flavours
def test_the_options_of_a_socket(flavour: str, hosts: Hosts) -> None:
    def look(sock: socket.socket) -> dict[str, int]:
        found = {"SO_KEEPALIVE": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}
        for name in OPTIONS:
            if hasattr(socket, name):
                found[name] = sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        return found

    hosts.addresses = [SILENT[0], GOOD]
    expected = {name: value for name, value in OPTIONS.items() if hasattr(socket, name)}
    expected["SO_KEEPALIVE"] = 1
    assert connect_by(flavour, HOST, hosts.port, look=look) == expected


def test_a_stream_goes_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    never_by_time(monkeypatch)
    with LocalFal(key=None) as fal:
        fal.add("acme/app", [1, 2])
        port = int(fal.url.rpartition(":")[2])
        hosts = Hosts(port)
        monkeypatch.setattr(socket, "getaddrinfo", hosts.getaddrinfo)
        hosts.addresses = [REFUSING[0], "127.0.0.1"]
        client = StreamingClient(run_url=f"http://{HOST}:{port}", retry=None)
        assert list(client.stream("acme/app")) == [1, 2]
        client.close()
        hosts.addresses = REFUSING[:2]
        client = StreamingClient(run_url=f"http://{HOST}:{port}", retry=None)
        with client, pytest.raises(StreamConnectionError) as caught:
            client.stream("acme/app").done()
    for address in REFUSING[:2]:
        assert f"{address}: [Errno " in str(caught.value)
    assert not caught.value.request_sent


EXHAUSTED = """
    import asyncio, contextlib, os, resource, sys
    from fal_stream import AsyncStreamingClient, StreamConnectionError, StreamingClient

    flavour, url = sys.argv[1:]
    settings = {"run_url": url, "credentials": "local-id:local-secret", "retry": None}

    def use_all_files():
        with contextlib.suppress(OSError):
            while True:
                yield os.dup(0)

    def check(error):
        assert "Too many open files" in str(error), error
        assert error.transient and not error.request_sent

    def blocking():
        with StreamingClient(**settings) as client:
            assert client.stream("acme/app").done() == 1
        with StreamingClient(**settings) as client:
            kept = list(use_all_files())
            try:
                client.stream("acme/app").done()
            except StreamConnectionError as error:
                check(error)
            else:
                raise SystemExit("it went well")
            for file in kept:
                os.close(file)
            assert client.stream("acme/app").done() == 1

    async def asynchronous():
        async with AsyncStreamingClient(**settings) as client:
            assert await client.stream("acme/app").done() == 1
        # asyncio closes the connection in its next round.
        await (asyncio if flavour == "asyncio" else trio).sleep(0.1)
        async with AsyncStreamingClient(**settings) as client:
            kept = list(use_all_files())
            try:
                await client.stream("acme/app").done()
            except StreamConnectionError as error:
                check(error)
            else:
                raise SystemExit("it went well")
            for file in kept:
                os.close(file)
            assert await client.stream("acme/app").done() == 1

    resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
    if flavour == "blocking":
        blocking()
    elif flavour == "trio":
        import trio
        trio.run(asynchronous)
    else:
        asyncio.run(asynchronous())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("flavour", ["blocking", "asyncio", "trio"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_file_descriptor_is_left(fal: LocalFal, host: str, flavour: str) -> None:
    """Of a name, the system's look-up says something else (`EBUSY`)."""
    fal.add("acme/app", [1])
    url = fal.url.replace("127.0.0.1", host)
    program = [sys.executable, "-c", textwrap.dedent(EXHAUSTED), flavour, url]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
