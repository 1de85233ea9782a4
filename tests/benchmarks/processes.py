"""The processes of a measurement: a server, and a worker for each contender and flavour.

Promises: on Linux with two processors or more the server has one and the workers another; each
ends with its block; what a worker got is checked. Leaves to others: what is measured (`measure`).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from urllib.request import urlopen

import certifi
import trustme
from typing_extensions import Self

from tests.docs.named_tests import ROOT

from .contenders import CONTENDERS, Contender, Flavour
from .figures import Answer, command_for
from .workloads import Work

__all__ = ["Place", "Worker", "entrants_of", "pinned_to", "serving"]

# The server's authority alone, and with those that clients know.
AUTHORITY, AUTHORITIES = "authority.pem", "authorities.pem"

# How long a process may be silent: one that hangs is ended, so that others are measured.
MOST_SECONDS = 180

_SCRIPT = Path(__file__).parent / "contenders" / "javascript.mjs"


@contextlib.contextmanager
def pinned_to(place: int | None) -> Iterator[None]:
    """Have processes started on one processor, counted from the first that may be used.

    Args:
        place: Its number, or None for whichever the system chooses.
    """
    if place is None or not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(usable)[place]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable)


class _Process:
    def __init__(self, command: list[str], environment: dict[str, str], place: int | None) -> None:
        with pinned_to(place):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                cwd=ROOT,
                env=environment,
            )

    def write(self, line: str) -> None:
        stdin = self._stream(self._process.stdin)
        stdin.write(f"{line}\n")
        stdin.flush()

    def read(self) -> str:
        guard = threading.Timer(MOST_SECONDS, self._process.kill)
        guard.start()
        line = self._stream(self._process.stdout).readline()
        guard.cancel()
        if not line:
            raise SystemExit(f"{self._process.args!r} ended with {self._process.wait()}")
        return line

    def end(self) -> None:
        self._stream(self._process.stdin).close()
        self._stream(self._process.stdout).close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @staticmethod
    def _stream(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


class Place:
    """A server, and what clients of it need.

    Args:
        ports: Its ports, by scheme; `link` is that of the link with delay.
        folder: Where files of it are, which ends with the server.
        npm: The folder with the npm packages, if there is one.
        pinned: Whether the server and the workers have a processor each.
    """

    def __init__(
        self, ports: dict[str, int], folder: Path, npm: str | None, pinned: bool = True
    ) -> None:
        self._ports = ports
        self.folder = folder
        self.npm = npm
        self.pinned = pinned

    def base(self, *, tls: bool = False, delayed: bool = False) -> str:
        """Give the server's address."""
        scheme = "https" if tls else "http"
        return f"{scheme}://127.0.0.1:{self._ports['link' if delayed else scheme]}"

    def received(self) -> int:
        """Give how many bytes have been uploaded since this was last asked."""
        with urlopen(f"{self.base()}/received") as answer:
            return int(answer.read())

    def environment(self, *, tls: bool) -> dict[str, str]:
        """Give the environment of clients.

        Without TLS it names no certificates, as a user's does not: many clients read all those
        that come with them when they are made.
        """
        if not tls:
            return _environment()
        return _environment() | {
            "SSL_CERT_FILE": str(self.folder / AUTHORITIES),
            "NODE_EXTRA_CA_CERTS": str(self.folder / AUTHORITY),
        }


def _environment() -> dict[str, str]:
    # Without the cache of compiled modules each start of Python would compile them.
    without = ("FAL_", "SSL_CERT_", "PYTHONDONTWRITEBYTECODE")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(without) and not name.lower().endswith("_proxy")
    }


@contextlib.contextmanager
def serving(npm: str | None = None, *, pinned: bool = True) -> Iterator[Place]:
    """Run the server.

    Args:
        npm: The folder whose `node_modules` holds the npm packages, if there is one.
        pinned: Whether the server and the workers have a processor each. Default True.
    """
    with TemporaryDirectory() as folder:
        authority = trustme.CA()
        certificate = Path(folder, "server.pem")
        authority.cert_pem.write_to_path(str(Path(folder, AUTHORITY)))
        # As many as clients have by default, so that loading them takes as long.
        authorities = Path(certifi.where()).read_bytes() + authority.cert_pem.bytes()
        Path(folder, AUTHORITIES).write_bytes(authorities)
        issued = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
        issued.write_to_path(str(certificate))
        module = "tests.benchmarks.server"
        command = [sys.executable, "-m", module, "--certificate", str(certificate)]
        server = _Process(command, _environment(), place=0 if pinned else None)
        try:
            yield Place(json.loads(server.read()), Path(folder), npm, pinned)
        finally:
            server.end()


class Worker:
    """A process that runs one contender in one flavour.

    Args:
        contender: The contender.
        flavour: The flavour.
        place: The server that it asks.
        tls: Whether over TLS.
        delayed: Whether over the link with delay.
    """

    def __init__(
        self,
        contender: Contender,
        flavour: Flavour,
        place: Place,
        *,
        tls: bool = False,
        delayed: bool = False,
    ) -> None:
        self._place = place
        self.contender = contender
        self.flavour = flavour
        self.entrant = contender, flavour
        if contender.module:
            module = "tests.benchmarks.worker"
            command = [sys.executable, "-m", module, contender.name, flavour]
        else:
            assert place.npm is not None
            way = "data" if contender.name == "JS on('data')" else "iterator"
            command = ["node", "--expose-gc", str(_SCRIPT), place.npm, way]
        self._base = place.base(tls=tls, delayed=delayed)
        self._process = _Process(
            command, place.environment(tls=tls), place=1 if place.pinned else None
        )

    def run(self, work: Work) -> Answer:
        """Do a work.

        Args:
            work: What it is.

        Returns:
            What was measured.

        Raises:
            SystemExit: The contender lost something, or ended.
        """
        most = self.contender.most
        events = work.events if most is None else min(work.events, most)
        command = command_for(work, self._base, events, self._place.folder)
        self._process.write(json.dumps(command))
        answer: Answer = json.loads(self._process.read())
        got, due = (int(answer["events"]), int(answer["indices"])), work.due(events)
        if work.kind == "upload":
            got, due = (1, self._place.received()), (1, work.size)
        if got != due:
            raise SystemExit(f"{self} got {got} of {due} on {work.name}")
        return answer

    def end(self) -> None:
        """End the process."""
        self._process.end()

    def __repr__(self) -> str:
        return f"{self.contender.name} ({self.flavour})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()


def entrants_of(names: Sequence[str], place: Place) -> list[tuple[Contender, Flavour]]:
    """Give the contenders that can be measured, in each of their flavours."""
    chosen = [CONTENDERS[name] for name in names]
    return [
        (contender, flavour)
        for contender in chosen
        if contender.missing(place.npm) is None
        for flavour in contender.flavours
    ]
