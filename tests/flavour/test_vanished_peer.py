"""A server that vanishes without a word: TCP keepalive notices, where no limit is set.

It takes half a minute, so `nox -s keepalive` runs it. The server runs in a network namespace of its
own, whose packets to this side are dropped at some point.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest

from fal_stream import AsyncStreamingClient, StreamingClient, StreamInterrupted
from tests.flavour.connections import FLAVOURS, LOOPS
from tests.programs import ROOT
from tests.seam import Job, until

pytestmark = [
    pytest.mark.skipif("KEEPALIVE" not in os.environ, reason="half a minute: `nox -s keepalive`"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs network namespaces"),
]

NO_LIMITS: dict[str, Any] = {
    "start_timeout": None,
    "timeout": None,
    "event_timeout": None,
    "total_timeout": None,
    "retry": None,
}

SERVER = """
    import sys, time
    from fal_stream.testing import Hang, LocalFal

    with LocalFal(host=sys.argv[1], key=None) as fal:
        fal.add("acme/app", [1, Hang()])
        print(fal.url, flush=True)
        time.sleep(120)
"""


class Far:
    """A server in a network namespace of its own.

    Attributes:
        url: Its address.
    """

    def __init__(self, stack: ExitStack) -> None:
        name = f"far{secrets.token_hex(3)}"
        # A network of its own, so that several runs don't meet.
        network = f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}"
        self._here, self._there = f"{network}.1", f"{network}.2"
        self._inside = ["ip", "netns", "exec", name]
        try:
            _run("ip", "netns", "add", name)
            stack.callback(_run, "ip", "netns", "del", name)
            _run("ip", "link", "add", name, "type", "veth", "peer", "name", "far0", "netns", name)
            _run("ip", "addr", "add", f"{self._here}/24", "dev", name)
            _run("ip", "link", "set", name, "up")
            _run(*self._inside, "ip", "addr", "add", f"{self._there}/24", "dev", "far0")
            _run(*self._inside, "ip", "link", "set", "far0", "up")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespace is to be had here: {error}")
        program = [sys.executable, "-c", textwrap.dedent(SERVER), self._there]
        process = stack.enter_context(
            subprocess.Popen([*self._inside, *program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(process.kill)
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        assert self.url.startswith("http")

    def vanish(self) -> None:
        """Drop whatever it sends, so that nobody can tell it from one that is gone."""
        _run(*self._inside, "ip", "route", "add", "blackhole", f"{self._here}/32")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def far() -> Iterator[Far]:
    """A server that can vanish."""
    if shutil.which("ip") is None:
        pytest.skip("the program `ip` is not installed")
    with ExitStack() as stack:
        yield Far(stack)


def stream_from(flavour: str, url: str, chunks: list[Any]) -> None:
    """Read a stream without any limit into a list."""
    if flavour == "blocking":
        with StreamingClient(run_url=url, **NO_LIMITS) as client:
            for chunk in client.stream("acme/app"):
                chunks.append(chunk)  # noqa: PERF402 - what came before an error counts
        return

    async def run() -> None:
        async with AsyncStreamingClient(run_url=url, **NO_LIMITS) as client:
            async for chunk in client.stream("acme/app"):
                chunks.append(chunk)  # noqa: PERF401 - what came before an error counts

    anyio.run(run, **LOOPS[flavour])


def test_a_server_that_vanishes(far: Far) -> None:
    chunks: dict[str, list[Any]] = {flavour: [] for flavour in FLAVOURS}
    jobs = {flavour: Job(stream_from, flavour, far.url, chunks[flavour]) for flavour in FLAVOURS}
    until(lambda: all(chunks.values()))
    begin = time.monotonic()
    far.vanish()
    for flavour, job in jobs.items():
        with pytest.raises(StreamInterrupted) as caught:
            job.result(40)
        print(f"{flavour}: {time.monotonic() - begin:.1f} s: {caught.value}")
        assert chunks[flavour] == [1]
    assert 20 < time.monotonic() - begin < 40
