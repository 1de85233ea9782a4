"""Rows 33 and 34: processes that end with a reader at work, and that are stopped for a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import fal_stream
from fal_stream.testing import Hang, LocalFal, Pause, RecordedRequest
from tests.concurrency import until
from tests.programs import running

ROOT = Path(fal_stream.__file__).parents[1]

BEGIN = """
import asyncio, sys, threading, time, trio
from fal_stream import AsyncStreamingClient, StreamingClient

settings = {"run_url": sys.argv[1], "credentials": "local-id:local-secret"}
"""

ASYNC_READER = """
client = AsyncStreamingClient(**settings)
came = threading.Event()

async def read():
    async for chunk in client.stream("acme/app"):
        came.set()

threading.Thread(target={run}, daemon=True).start()
assert came.wait(20)
print("bye", flush=True)
"""

# Each ends its main thread while another one reads.
READERS = {
    "blocking": """
client = StreamingClient(**settings)
came = threading.Event()

def read():
    for chunk in client.stream("acme/app"):
        came.set()

threading.Thread(target=read, daemon=True).start()
assert came.wait(20)
print("bye", flush=True)
""",
    "blocking, with a stream of the main thread": """
client = StreamingClient(**settings)
came = threading.Event()
stream = client.stream("acme/app")
threading.Thread(target=stream.done, daemon=True).start()
while stream.current_data != 1:
    time.sleep(0.01)
print("bye", flush=True)
""",
    "asyncio": ASYNC_READER.format(run="asyncio.run, args=[read()]"),
    "trio": ASYNC_READER.format(run="trio.run, args=[read]"),
}


@pytest.mark.parametrize("program", READERS.values(), ids=READERS)
def test_the_end_of_a_program_with_a_reader_at_work(either_fal: LocalFal, program: str) -> None:
    either_fal.add("acme/app", [1, Hang()])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + program, either_fal.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "bye\n", "")
    assert either_fal.requests[0].gone.wait(10)


def waits(pid: int) -> bool:
    """Tell whether a process sleeps until something comes; True where the system doesn't say."""
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "S"


PATIENT = "timeout=1, event_timeout=1, total_timeout=None"
ASYNC = f"""
async def main():
    async with AsyncStreamingClient(**settings) as client:
        async for chunk in client.stream("acme/app", {PATIENT}):
            print(chunk, flush=True)

"""
STOPPED = {
    "blocking": f"""
with StreamingClient(**settings) as client:
    for chunk in client.stream("acme/app", {PATIENT}):
        print(chunk, flush=True)
""",
    "asyncio": ASYNC + "asyncio.run(main())",
    "trio": ASYNC + "trio.run(main)",
}


@pytest.mark.skipif(not hasattr(os, "WUNTRACED"), reason="the system stops no process by a signal")
@pytest.mark.parametrize("program", STOPPED.values(), ids=STOPPED)
def test_a_process_that_was_stopped(either_fal: LocalFal, program: str) -> None:
    stopped: list[bool] = []

    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        while not stopped:
            yield Pause(0.01)
        yield from (2, 3)

    either_fal.add("acme/app", script)
    with running("-c", BEGIN + program, either_fal.url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        until(lambda: waits(process.pid))
        process.send_signal(signal.SIGSTOP)
        # Once it has stopped, and not before, its data comes.
        os.waitpid(process.pid, os.WUNTRACED)
        stopped.append(True)
        assert either_fal.requests[0].finished.wait(20)
        time.sleep(1.5)  # longer than the limits, with data waiting
        process.send_signal(signal.SIGCONT)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (0, "2\n3\n", "")
