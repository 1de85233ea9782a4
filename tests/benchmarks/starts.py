"""Measures what starts: processes that import something, or read a first chunk, and end.

Promises: programs as short as a user would write them, in interleaved rounds, after a run of each
that does not count (it writes the cache of compiled modules). The time is that from before the
process is started to its first line, the processor's time that of the whole process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from tests.docs.named_tests import ROOT

from .contenders import CONTENDERS, Flavour
from .figures import Answer
from .processes import Place, pinned_to
from .workloads import WORKS, Work

__all__ = ["Taken", "measure_starts"]

Taken = dict[tuple[str, Flavour], list[Answer]]

_IMPORTS: dict[tuple[str, Flavour], str] = {
    ("Python alone", "blocking"): "pass",
    ("httpx, pydantic", "blocking"): "import httpx, pydantic; pydantic.BaseModel",
    ("fal_stream", "blocking"): "from fal_stream import StreamingClient",
    ("fal_stream", "asyncio"): "from fal_stream import AsyncStreamingClient",
    ("fal-client", "blocking"): "import fal_client",
    ("httpx-sse", "blocking"): "import httpx_sse, pydantic_core",
    ("aiohttp", "asyncio"): "import aiohttp, pydantic_core",
}

# `BASE` and `PATH` stand for the address of the server and the path of the stream.
_FIRST_CHUNKS: dict[tuple[str, Flavour], str] = {
    ("raw", "blocking"): """
import socket, ssl
from pydantic_core import from_json
host, port = "BASE".removeprefix("https://").split(":")
context = ssl.create_default_context()
connection = context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)
head = b"POST /PATH/stream HTTP/1.1\\r\\nhost: bench\\r\\ncontent-length: 2\\r\\n\\r\\n"
connection.sendall(head + b"{}")
data = b""
while not data.endswith(b"0\\r\\n\\r\\n"):
    data += connection.recv(65536)
print(from_json(data[data.index(b"{"):data.index(b"}") + 1]), flush=True)
""",
    ("fal_stream", "blocking"): """
from fal_stream import StreamingClient
with StreamingClient(credentials="a:b", run_url="BASE") as client:
    for chunk in client.stream("PATH", {}):
        print(chunk, flush=True)
""",
    ("fal_stream", "asyncio"): """
import asyncio
from fal_stream import AsyncStreamingClient
async def main():
    async with AsyncStreamingClient(credentials="a:b", run_url="BASE") as client:
        async for chunk in client.stream("PATH", {}):
            print(chunk, flush=True)
asyncio.run(main())
""",
    ("fal-client", "blocking"): """
import fal_client.client
fal_client.client.RUN_URL_FORMAT = "BASE/"
for chunk in fal_client.SyncClient(key="a:b").stream("PATH", {}):
    print(chunk, flush=True)
""",
    ("fal-client", "asyncio"): """
import asyncio
import fal_client.client
fal_client.client.RUN_URL_FORMAT = "BASE/"
async def main():
    async for chunk in fal_client.AsyncClient(key="a:b").stream("PATH", {}):
        print(chunk, flush=True)
asyncio.run(main())
""",
    ("httpx-sse", "blocking"): """
import httpx
from httpx_sse import connect_sse
from pydantic_core import from_json
with httpx.Client() as client, connect_sse(client, "POST", "BASE/PATH/stream", json={}) as source:
    for event in source.iter_sse():
        print(from_json(event.data), flush=True)
""",
    ("aiohttp", "asyncio"): """
import asyncio, aiohttp
from pydantic_core import from_json
async def main():
    async with aiohttp.ClientSession() as session:
        async with session.post("BASE/PATH/stream", json={}) as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    print(from_json(line[6:]), flush=True)
asyncio.run(main())
""",
}

_JAVASCRIPT = """
const { createFalClient } = require("NPM/node_modules/@fal-ai/client");
const client = createFalClient({ credentials: "a:b" });
client.stream("PATH", { url: "BASE/PATH/stream", input: {} }).then((stream) => {
  stream.on("data", (chunk) => console.log(chunk));
  return stream.done();
}).then(() => process.exit());
"""

# A program of httpx's that does what the command does for a plain stream.
_SCRIPT = """
import httpx
with httpx.stream("POST", "BASE/PATH/stream", json={}) as response:
    for line in response.iter_lines():
        if line.startswith("data: "):
            print(line[6:], flush=True)
"""


def _commands(work: Work, place: Place) -> dict[tuple[str, Flavour], list[str]]:
    stream = WORKS["first-tls"]
    values = {"BASE": place.base(tls=True), "PATH": stream.path(3), "NPM": place.npm or ""}

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    def python(code: str) -> list[str]:
        return [sys.executable, "-c", filled(code)]

    found: dict[tuple[str, Flavour], list[str]]
    if work.name == "import":
        found = {key: python(f"{code}\nprint()") for key, code in _IMPORTS.items()}
    elif work.name == "cold":
        found = {key: python(code) for key, code in _FIRST_CHUNKS.items()}
        if CONTENDERS["JS on('data')"].missing(place.npm) is None:
            found["JS on('data')", "asyncio"] = ["node", "-e", filled(_JAVASCRIPT)]
    else:
        run = [sys.executable, "-m", "fal_stream", "run", filled("PATH")]
        found = {
            ("fal_stream", "blocking"): run,
            ("httpx script", "blocking"): python(_SCRIPT),
            ("fal-client", "blocking"): python(_FIRST_CHUNKS["fal-client", "blocking"]),
        }
    return {key: command for key, command in found.items() if _is_there(key[0], place)}


def _is_there(name: str, place: Place) -> bool:
    return name not in CONTENDERS or CONTENDERS[name].missing(place.npm) is None


def _started(command: list[str], place: Place) -> Callable[[], Answer]:
    environment = place.environment(tls=True)
    environment |= {"FAL_RUN_HOST": place.base(tls=True), "FAL_KEY": "a:b"}

    def run() -> Answer:
        with pinned_to(1 if place.pinned else None):
            begin = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                env=environment,
            )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            first = process.stdout.readline()
            wall = time.perf_counter() - begin
            process.stdout.read()
            said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or not first:
            raise SystemExit(f"{command} ended with {process.returncode}: {said}")
        return {"events": 1, "indices": 0, "wall": wall, "cpu": used.ru_utime + used.ru_stime}

    return run


def measure_starts(work: Work, place: Place, rounds: int) -> Taken:
    """Measure.

    Args:
        work: Of what.
        place: The server.
        rounds: How many rounds.

    Returns:
        What was measured, by the name of the contender and its flavour; nothing where the system
        does not tell what a process took.
    """
    if not hasattr(os, "wait4"):
        return {}
    runs = {key: _started(command, place) for key, command in _commands(work, place).items()}
    for run in runs.values():
        run()
    taken: Taken = {key: [] for key in runs}
    for number in range(rounds):
        keys = list(runs)
        turn = number % len(keys)
        for key in [*keys[turn:], *keys[:turn]]:
            taken[key].append(runs[key]())
    return taken
