"""The phases of a stream that an abort may come in, each with the servers that hold it there."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import anyio

from fal_stream.testing import Failure, Hang, LocalFal, Pause, Raw, Reply, RouteScript, Script, Wire
from tests.faults.servers import RawServer
from tests.sockets import black_hole

from .phase_servers import Setting, Stage, released
from .phase_servers import Wire as WireKind

__all__ = ["PHASES", "Phase"]

FAR = "far.example"

Make = Callable[[Setting], AbstractContextManager[Stage]]


@dataclass(frozen=True)
class Phase:
    """A phase.

    Attributes:
        make: Makes the stage.
        wires: Where it is played: without TLS, with it, or both.
    """

    make: Make
    wires: tuple[WireKind, ...] = ("plain", "tls")


def far(setting: Setting) -> dict[str, Any]:
    """Give the settings of a client of a host that isn't on this machine."""
    # A key that is not sent would be warned of.
    key = "a:b" if setting.wire == "tls" else None
    return {"run_url": f"{setting.scheme}://{FAR}", "trusted_hosts": [FAR], "credentials": key}


@contextlib.contextmanager
def looking_up(setting: Setting) -> Iterator[Stage]:
    hanging: list[threading.Event] = []
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if host != FAR:
            return look_up(host, *args, **options)
        # Nobody waits for the one before any more, and only some may hang at the same time.
        for before in hanging:
            before.set()
        enough = threading.Event()
        hanging.append(enough)
        enough.wait(120)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    try:
        setting.patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield Stage(far(setting), times_reached=lambda: len(hanging))
    finally:
        for enough in hanging:
            enough.set()


@contextlib.contextmanager
def connecting(setting: Setting) -> Iterator[Stage]:
    with black_hole() as address:
        yield Stage({"run_url": f"{setting.scheme}://{address}"})


@contextlib.contextmanager
def shaking_hands(setting: Setting) -> Iterator[Stage]:
    with _mute() as (server, reached):
        yield Stage({"run_url": f"https://{server.address}"}, times_reached=lambda: len(reached))


def behind_proxy(scheme: str, answer: bytes) -> Make:
    """Make a phase of a proxy that answers so, and says no more."""

    @contextlib.contextmanager
    def make(setting: Setting) -> Iterator[Stage]:
        with _mute(answer) as (proxy, reached):
            setting.patch.setenv("all_proxy", f"{scheme}://{proxy.address}")
            yield Stage(far(setting), times_reached=lambda: len(reached))

    return make


@contextlib.contextmanager
def _mute(answer: bytes = b"") -> Iterator[tuple[RawServer, list[int]]]:
    reached: list[int] = []

    def play(client: socket.socket) -> None:
        client.recv(10_000)
        client.sendall(answer)
        reached.append(1)
        while client.recv(10_000):
            pass

    with RawServer(play) as server:
        yield server, reached


@contextlib.contextmanager
def _deaf(setting: Setting) -> Iterator[tuple[RawServer, list[int]]]:
    reached: list[int] = []

    with released() as enough:

        def play(client: socket.socket) -> None:
            client.recv(1)
            reached.append(1)
            enough.wait(120)

        with RawServer(play, setting.context) as server:
            try:
                yield server, reached
            finally:
                enough.set()


@contextlib.contextmanager
def sending(setting: Setting) -> Iterator[Stage]:
    with _deaf(setting) as (server, reached):
        yield Stage(
            {"run_url": f"{setting.scheme}://{server.address}"},
            {"input": "x" * 12_000_000},
            times_reached=lambda: len(reached),
        )


@contextlib.contextmanager
def uploading(setting: Setting) -> Iterator[Stage]:
    with _deaf(setting) as (server, reached), _fal(setting) as fal:
        there = f"{setting.scheme}://{server.address}/file"
        answer = Reply.json({"upload_url": there, "file_url": there})
        fal.route("/storage/upload/initiate", answer)
        options = {"input": {"file": b"x" * 12_000_000}}
        yield Stage(fal.settings, options, times_reached=lambda: len(reached), fal=fal)


def in_fal(
    script: Script,
    *chunks: Any,
    warm: bool = False,
    pauses: bool = False,
    options: dict[str, Any] | None = None,
    route: tuple[str, str, RouteScript] | None = None,
) -> Make:
    """Make a phase of a script that a local server plays.

    Args:
        script: The script.
        *chunks: What the stream gives of it before the phase.
        warm: Whether the connection has been used before.
        pauses: Whether the consumer stops after the first chunk.
        options: The options of the stream.
        route: Where the phase is in the answer to another request: its method, the beginning of
            its path, and the answer.
    """

    @contextlib.contextmanager
    def make(setting: Setting) -> Iterator[Stage]:
        with _fal(setting) as fal:
            fal.add("acme/app", script)
            method, path, answer = route or ("POST", "/acme/app/", None)
            if answer is not None:
                fal.route(f"{path}*", answer, method=method)

            def times_reached() -> int:
                came = [one for one in fal.requests if one.path.startswith(path)]
                return sum(one.method == method for one in came)

            yield Stage(fal.settings, options or {}, times_reached, chunks, warm, pauses, fal)

    return make


@contextlib.contextmanager
def _fal(setting: Setting) -> Iterator[LocalFal]:
    with LocalFal(ssl_context=setting.context) as fal:
        fal.add("acme/fine", [1, {"fine": True}])
        yield fal


@contextlib.contextmanager
def asking_a_provider(setting: Setting) -> Iterator[Stage]:
    asked: list[int] = []

    with released() as enough, _fal(setting) as fal:

        def provide(_: str) -> str:
            asked.append(1)
            enough.wait(120)
            return ""

        async def provide_async(_: str) -> str:
            asked.append(1)
            await anyio.sleep_forever()
            return ""

        provider = provide if setting.flavour == "blocking" else provide_async
        options = {"connection_mode": "client", "token_provider": provider}
        yield Stage(fal.settings, options, times_reached=lambda: len(asked), fal=fal)


_PINGS: list[object] = [step for _ in range(40_000) for step in (Raw(b": ping\n\n"), Pause(0.001))]

_NEVER = Reply(delay=math.inf)

_BUSY = Failure(503, headers={"retry-after": "20"})

PHASES: dict[str, Phase] = {
    "looking a name up": Phase(looking_up),
    "connecting": Phase(connecting),
    "in the TLS handshake": Phase(shaking_hands, ("tls",)),
    "asking a proxy for a tunnel": Phase(behind_proxy("http", b""), ("tls",)),
    "in the TLS handshake in a tunnel": Phase(
        behind_proxy("http", b"HTTP/1.1 200 OK\r\n\r\n"), ("tls",)
    ),
    "greeting a SOCKS proxy": Phase(behind_proxy("socks5", b"")),
    "asking a SOCKS proxy for a connection": Phase(behind_proxy("socks5", b"\x05\x00")),
    "sending a large input": Phase(sending),
    "sending a file": Phase(uploading),
    "waiting for the answer to a file": Phase(
        in_fal([], options={"input": {"file": b"x"}}, route=("PUT", "/storage/", _NEVER))
    ),
    "ordering a token": Phase(
        in_fal([], options={"connection_mode": "client"}, route=("POST", "/tokens/", _NEVER))
    ),
    "asking a token provider": Phase(asking_a_provider),
    "waiting for the head": Phase(in_fal(_NEVER)),
    "waiting for the head on a reused connection": Phase(in_fal(_NEVER, warm=True)),
    "waiting to try again": Phase(in_fal(_BUSY)),
    "between chunks": Phase(in_fal([1, Hang()], 1)),
    "between chunks on a reused connection": Phase(in_fal([1, Hang()], 1, warm=True)),
    "in a chunk": Phase(in_fal([1, Wire(b"9\r\ndat"), Hang()], 1)),
    "in a line": Phase(in_fal([1, Raw(b"da"), Hang()], 1)),
    "while pings come": Phase(in_fal([1, *_PINGS], 1)),
    "while the consumer pauses": Phase(in_fal([1, *["x" * 10_000] * 2000], 1, pauses=True)),
}
