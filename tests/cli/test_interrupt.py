"""Ctrl-C: at once, without a traceback, and the server sees its client go."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from fal_stream.testing import Hang, LocalFal, Pause, RecordedRequest, Reply
from tests.cli.program import ROOT, Ended, end, environment, interrupt, started
from tests.concurrency import until
from tests.sockets import MuteServer

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't send Ctrl-C to one process"
)

SCRIPTS: dict[str, Any] = {
    "no answer": Reply(delay=math.inf),
    "silent": [1, Hang()],
    "busy": [step for _ in range(10_000) for step in (1, Pause(0.001))],
    "bytes": Reply([b"x", Hang()], content_type="audio/wav"),
}


def is_quiet(ended: Ended) -> bool:
    return (ended.code, ended.err) == (130, "")


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("options", [[], ["--last"]], ids=["each", "last"])
def test_ctrl_c(fal: LocalFal, script: Any, options: list[str]) -> None:
    fal.add("acme/app", script)
    with started(fal, "run", "acme/app", *options) as process:
        (request,) = fal.wait_for_requests(1, timeout=30)
        time.sleep(0.3)
        pressed = time.monotonic()
        interrupt(process)
        ended = end(process)
    print(f"Ctrl-C took {time.monotonic() - pressed:.2f} s")
    assert is_quiet(ended)
    assert request.gone.wait(10)


def test_the_end_of_a_service(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    with started(fal, "run", "acme/app") as process:
        (request,) = fal.wait_for_requests(1, timeout=30)
        process.terminate()
        ended = end(process)
    assert (ended.code, ended.err) == (143, "")
    assert request.gone.wait(10)


def test_ctrl_c_in_an_upload(fal: LocalFal, mute: MuteServer, tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(b"\x89PNG")
    with started(
        fal,
        *("run", "acme/app", "image_url@fox.png", "other@fox.png"),
        cwd=tmp_path,
        FAL_REST_HOST=f"http://{mute.address}",
    ) as process:
        until(lambda: mute.spoke)
        interrupt(process)
        assert is_quiet(end(process))
    until(lambda: mute.abandoned)


def test_ctrl_c_while_stdin_is_read(fal: LocalFal) -> None:
    with started(fal, "run", "acme/app", "--input", "-") as process:
        time.sleep(2)
        interrupt(process)
        assert process.wait(30) in (130, -2)  # Python itself may still be starting
        assert fal.requests == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_a_file_is_fetched(
    fal: LocalFal, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    fal.add("acme/app", [{"image": {"url": f"{fal.url}/files/a.png"}}, Hang()])
    fal.route("/files/*", Reply([b"x", Hang()], content_type="image/png"))
    with started(fal, "run", "acme/app", "--output", str(tmp_path)) as process:
        requests = fal.wait_for_requests(2, timeout=30)
        until(lambda: bool(list(tmp_path.iterdir())))
        process.send_signal(number)
        ended = end(process)
    assert (ended.code, ended.err) == (code, "")
    assert list(tmp_path.iterdir()) == []
    assert all(request.gone.wait(10) for request in requests)


def test_ctrl_c_in_the_demo() -> None:
    with started(None, "demo") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"A local fal server listens")
        interrupt(process)
        assert is_quiet(end(process))


@contextmanager
def in_a_shell(fal: LocalFal, command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a line of bash, in a process group of its own."""
    with subprocess.Popen(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment(fal, PYTHON=sys.executable),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_ctrl_c_goes_to_all_of_a_pipe(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    with in_a_shell(fal, '"$PYTHON" -m fal_stream run acme/app | cat') as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        os.killpg(process.pid, signal.SIGINT)
        assert end(process).err == ""
    assert fal.requests[0].gone.wait(10)


def test_in_the_background_of_a_script_ctrl_c_is_ignored(fal: LocalFal) -> None:
    pressed = threading.Event()

    def script(request: RecordedRequest) -> Iterator[object]:
        yield 1
        while not pressed.is_set():
            yield Pause(0.05)
        yield 2

    fal.add("acme/app", script)
    command = '"$PYTHON" -m fal_stream run acme/app & echo $! >&2; wait $!; echo $?'
    with in_a_shell(fal, command) as process:
        assert process.stderr is not None
        pid = int(process.stderr.readline())
        fal.wait_for_requests(1, timeout=30)
        os.kill(pid, signal.SIGINT)
        pressed.set()
        ended = end(process)
    assert (ended.out, ended.err) == (b"1\n2\n0\n", "")
