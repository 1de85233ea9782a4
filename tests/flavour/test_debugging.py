"""Debugging aids of Python and asyncio show no key, no token and no signature."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

import fal_stream
from fal_stream import AsyncStreamingClient, RetryPolicy
from fal_stream.testing import Failure, Hang, LocalFal, RecordedRequest, Reply
from tests.faults.captured_output import CapturedOutput, capturing
from tests.sockets import black_hole

ROOT = Path(fal_stream.__file__).parents[1]

KEY = "0f5e3c1d-key-id:8b1d~secret.of-the_key"
SECRET = KEY.partition(":")[2]
GIVEN = "eyJ0eXAi.token-that-a-provider.gives"


async def slow_token(path: str) -> str:
    await asyncio.sleep(0.01)
    return GIVEN


MODES: dict[str, dict[str, Any]] = {
    "by the key": {},
    "by a token": {"connection_mode": "client"},
    "by a given token": {"connection_mode": "client", "token_provider": slow_token},
    "with a file": {"input": {"image": b"a picture"}},
    "with a header": {"headers": {"authorization": f"Key {KEY}"}},
}


async def watch(captured: CapturedOutput) -> None:
    """Keep what a debugger would print of each task, again and again."""
    while True:
        for task in asyncio.all_tasks():
            captured.add("task", f"{task!r} {task.get_coro()!r} {task.get_name()}")
        captured.add("threads", threading.enumerate())
        await asyncio.sleep(0.001)


async def use(client: AsyncStreamingClient, captured: CapturedOutput) -> None:
    for options in MODES.values():
        stream = client.stream("acme/app", **options)
        with contextlib.suppress(Exception):
            async for _ in stream:
                pass
        # Broken off at whatever point it has come to.
        for turns in (1, 3, 10, 30):
            task = asyncio.ensure_future(client.stream("acme/app", **options).done())
            for _ in range(turns):
                await asyncio.sleep(0)
            captured.add("task", f"{task!r}")
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


@pytest.mark.parametrize("borrowed", [False, True], ids=["ours", "an HTTP client of one's own"])
@pytest.mark.parametrize("script", [[1, 2], Failure(500), Reply(delay=0.02)], ids=repr)
async def test_asyncio_in_debug_mode(
    borrowed: bool, script: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.get_running_loop()
    limit = loop.slow_callback_duration
    with capturing(capfd) as captured, LocalFal(key=KEY) as fal:
        fal.add("acme/app", script)
        loop.set_debug(True)
        loop.slow_callback_duration = 0.0  # each is slow, and logged with all its arguments
        watcher = asyncio.ensure_future(watch(captured))
        try:
            async with contextlib.AsyncExitStack() as stack:
                http_client = None
                if borrowed:
                    http_client = await stack.enter_async_context(httpx.AsyncClient())
                client = await stack.enter_async_context(
                    AsyncStreamingClient(
                        **fal.settings, retry=RetryPolicy(base_delay=0), http_client=http_client
                    )
                )
                await use(client, captured)
            gc.collect()
        finally:
            watcher.cancel()
            loop.slow_callback_duration = limit
            loop.set_debug(False)
        assert {"log of asyncio", "task"} <= set(captured.found("running at"))
        assert "log of asyncio" in captured.found("Executing")
        assert captured.found(SECRET, GIVEN, *signs_of(fal.requests)) == []


def signs_of(requests: list[RecordedRequest]) -> set[str]:
    """Give the tokens and signatures that were sent."""
    names = ("fal_jwt_token", "signature")
    signs = {request.query[name] for request in requests for name in names if name in request.query}
    assert len(signs) > 1
    return signs


async def test_tasks_that_wait_to_connect(capfd: pytest.CaptureFixture[str]) -> None:
    with capturing(capfd) as captured, black_hole() as address:
        async with AsyncStreamingClient(
            run_url=f"http://{address}", rest_url=f"http://{address}", credentials=KEY
        ) as client:
            streams = [client.stream("acme/app", **options) for options in MODES.values()]
            tasks = [asyncio.ensure_future(stream.done()) for stream in streams]
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(watch(captured), 0.2)
            for stream in streams:
                stream.abort()
            await asyncio.gather(*tasks)
    assert "task" in captured.found("done()")
    assert captured.found(SECRET, GIVEN) == []


PROGRAM = """
import asyncio, faulthandler, gc, logging, os, sys, threading, warnings
from fal_stream import AsyncStreamingClient, StreamingClient, stream

logging.basicConfig(level=logging.NOTSET)
settings = {"run_url": sys.argv[1], "rest_url": sys.argv[1]}
modes = [{}, {"connection_mode": "client"}, {"input": {"image": b"a picture"}}]

def show():
    faulthandler.dump_traceback(all_threads=True)
    print(threading.enumerate(), sys.argv, flush=True)
    with open("/proc/self/cmdline", "rb") as file:
        print(file.read())

def blocking():
    client = StreamingClient(**settings)
    for options in modes:
        kept = client.stream("acme/app", **options).start()
        print(next(kept))
        reader = threading.Thread(target=kept.done, daemon=True)
        reader.start()
        show()
        dropped = client.stream("acme/app", **options).start()
        del dropped
        gc.collect()
    client.close()

async def main():
    client = AsyncStreamingClient(**settings)
    for options in modes:
        dropped = await client.stream("acme/app", **options).start()
        show()
        del dropped
        gc.collect()
        asyncio.ensure_future(client.stream("acme/app", **options).done())
        await asyncio.sleep(0)
    # Neither the tasks nor the client are ended.

blocking()
asyncio.run(main(), debug=True)
print(stream("acme/app"))
raise SystemExit("the end")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a title is read from /proc")
def test_a_process_in_development_mode() -> None:
    with LocalFal(key=KEY) as fal:
        fal.add("acme/app", [1, Hang()])
        done = subprocess.run(
            [
                sys.executable,
                "-X",
                "dev",
                "-X",
                "tracemalloc=1",
                "-W",
                "always",
                "-c",
                PROGRAM,
                fal.url,
            ],
            cwd=ROOT,
            env={"FAL_KEY": KEY, "PATH": "", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=50,
        )
        signs = signs_of(fal.requests)
    said = done.stdout + done.stderr
    for sign in ("Thread 0x", "ResourceWarning", "was dropped", "the end"):
        assert sign in said
    for secret in (SECRET, *signs):
        assert secret not in said
