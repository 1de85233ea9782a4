"""A server that vanishes without a word: TCP keepalive notices, where no limit is set.

The server runs in a network namespace of its own, whose packets to this side are dropped at some
point. With the times that keepalive has it takes half a minute, so `nox -s keepalive` runs that.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from fal_stream import AsyncStreamingClient, StreamingClient, StreamInterrupted
from fal_stream._net import sockets
from tests.concurrency import Job, until
from tests.flavour.connections import FLAVOURS, LOOPS
from tests.programs import ROOT

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs network namespaces"
)

NO_LIMITS: dict[str, Any] = {
    "start_timeout": None,
    "timeout": None,
    "event_timeout": None,
    "total_timeout": None,
    "retry": None,
}

SERVER = """
    import ssl, sys, time
    from fal_stream.testing import Hang, LocalFal, Reply

    host, certificate = sys.argv[1:]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    settings = {"host": host, "key": None}
    with LocalFal(**settings) as plain, LocalFal(**settings, ssl_context=context) as tls:
        for fal in (plain, tls):
            fal.add("acme/app", [1, Hang()])
            # The end of the connection would be the end of this one.
            fal.add("acme/open-ended", Reply([1, Hang()], framing="close"))
        print(plain.url, tls.url, flush=True)
        time.sleep(120)
"""


class Far:
    """A server in a network namespace of its own.

    Args:
        stack: Ends it.
        authority: Makes its certificate.
        folder: Where that is written to.

    Attributes:
        urls: Its addresses, plain and TLS.
    """

    def __init__(self, stack: ExitStack, authority: trustme.CA, folder: Path) -> None:
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
        certificate = folder / "far.pem"
        authority.issue_cert(self._there).private_key_and_cert_chain_pem.write_to_path(
            str(certificate)
        )
        program = [sys.executable, "-c", textwrap.dedent(SERVER), self._there, str(certificate)]
        process = stack.enter_context(
            subprocess.Popen([*self._inside, *program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(process.kill)
        assert process.stdout is not None
        self.urls = process.stdout.readline().split()
        assert len(self.urls) == 2

    def vanish(self) -> None:
        """Drop whatever it sends, so that nobody can tell it from one that is gone."""
        _run(*self._inside, "ip", "route", "add", "blackhole", f"{self._here}/32")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def far(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """A server that can vanish."""
    if shutil.which("ip") is None:
        pytest.skip("the program `ip` is not installed")
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with ExitStack() as stack:
        yield Far(stack, authority, tmp_path)


def stream_from(flavour: str, url: str, app: str, chunks: list[Any]) -> None:
    """Read a stream without any limit into a list."""
    if flavour == "blocking":
        with StreamingClient(run_url=url, **NO_LIMITS) as client:
            for chunk in client.stream(app):
                chunks.append(chunk)  # noqa: PERF402 - what came before an error counts
        return

    async def run() -> None:
        async with AsyncStreamingClient(run_url=url, **NO_LIMITS) as client:
            async for chunk in client.stream(app):
                chunks.append(chunk)  # noqa: PERF401 - what came before an error counts

    anyio.run(run, **LOOPS[flavour])


def vanish_under_all(far: Far) -> float:
    """Have it vanish under streams of all kinds, and give the seconds until all have noticed."""
    jobs: list[Job[None]] = []
    all_chunks: list[list[Any]] = []
    for flavour in FLAVOURS:
        for url in far.urls:
            for app in ("acme/app", "acme/open-ended"):
                chunks: list[Any] = []
                all_chunks.append(chunks)
                jobs.append(Job(stream_from, flavour, url, app, chunks))
    until(lambda: all(all_chunks))
    begin = time.monotonic()
    far.vanish()
    for job in jobs:
        # Python's TLS sockets say so of each error of the socket below.
        with pytest.raises(StreamInterrupted, match=r"timed out|EOF occurred in violation"):
            job.result(40)
    assert all_chunks == [[1]] * len(jobs)
    return time.monotonic() - begin


def test_a_server_that_vanishes(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    """With shorter times than keepalive has."""
    short = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 1}
    options = [(socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in short.items()]
    monkeypatch.setattr(sockets, "_OPTIONS", [*sockets._OPTIONS, *options])
    vanish_under_all(far)


@pytest.mark.skipif("KEEPALIVE" not in os.environ, reason="half a minute: `nox -s keepalive`")
def test_it_is_noticed_in_time(far: Far) -> None:
    seconds = vanish_under_all(far)
    print(f"noticed after {seconds:.1f} s")
    assert 20 < seconds < 40
