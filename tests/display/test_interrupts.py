"""Interrupts of cells whose server is silent: the cell ends, and the server sees its client go."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from fal_stream.testing import Hang, LocalFal, Pause, Reply
from tests.display.kernel import Kernel

SILENT_CELLS = {
    "iteration": "for chunk in stream('acme/app'): pass",
    "show": "stream('acme/app').show()",
    "async iteration": "async for chunk in stream_async('acme/app'): pass",
    "async show": "await stream_async('acme/app').show()",
    "done": "stream('acme/app').done()",
    "async text": "async for piece in stream_async('acme/app').text(str): pass",
    "map": "for item in StreamingClient().stream_map('acme/app', [1]): pass",
    "async map": "async for item in AsyncStreamingClient().stream_map('acme/app', [1]): pass",
}
BUSY_CELLS = {
    "loop body": "s = stream('acme/app')\nfor chunk in s: time.sleep(60)",
    "async loop body": (
        "s = stream_async('acme/app')\nasync for chunk in s: await asyncio.sleep(60)"
    ),
    "function": (
        "def read():\n    s = stream('acme/app')\n    for chunk in s: time.sleep(60)\nread()"
    ),
}


def interrupted(kernel: Kernel, fal: LocalFal, requests: int = 1) -> Callable[[], None]:
    """Make what interrupts a kernel as soon as its requests have come."""
    before = len(fal.requests)

    def interrupt() -> None:
        fal.wait_for_requests(before + requests, timeout=30)
        time.sleep(0.3)  # until it waits for the server, or is in its loop's body
        kernel.interrupt()

    return interrupt


@pytest.mark.parametrize("script", [[1, Hang()], Reply(delay=float("inf"))], ids=["body", "head"])
def test_a_silent_cell_is_interrupted(
    fal: LocalFal, kernel: Kernel, script: list[object] | Reply
) -> None:
    fal.add("acme/app", script)
    for name, code in SILENT_CELLS.items():
        cell = kernel.run(code, interrupted(kernel, fal))
        assert cell.error == ("CancelledError" if name.startswith("async") else "KeyboardInterrupt")
        assert fal.requests[-1].gone.wait(10)
        print(f"{name}: {cell.seconds * 1000:.0f} ms")
        assert cell.seconds < 10
        assert f"----> 1 {code}\n" in cell.traceback
        # On Python 3.10 asyncio makes another exception of a cancelled task's.
        if sys.version_info >= (3, 11) or not name.startswith("async"):
            assert "fal_stream" not in cell.traceback.replace(code, "")
        for bundle in cell.displays.values():
            assert "interrupted" in bundle["text/plain"]
    assert kernel.run("1 + 1").results[0]["text/plain"] == "2"


def test_an_interrupt_in_the_body_of_a_loop_ends_the_stream(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [1, Hang()])
    for name, code in BUSY_CELLS.items():
        cell = kernel.run(code, interrupted(kernel, fal))
        assert cell.error in ("CancelledError", "KeyboardInterrupt"), name
        assert fal.requests[-1].gone.wait(10), name
    assert kernel.run("print(s.endpoint_id)").text == "acme/app\n"


def test_streams_of_other_cells_and_tasks_go_on(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/slow", [step for n in range(100) for step in (n, Pause(0.1))])
    fal.add("acme/app", [1, Hang()])
    kernel.run(
        "early = stream('acme/slow')\nnext(early)\n"
        "task = asyncio.create_task(stream_async('acme/slow').done())\n"
        "await asyncio.sleep(0.5)"
    )
    cell = kernel.run(
        "late = asyncio.create_task(stream_async('acme/slow').done())\n"
        "async for chunk in stream_async('acme/app'): pass",
        interrupted(kernel, fal, requests=2),
    )
    assert cell.error == "CancelledError"
    cell = kernel.run("print(next(early), task.done(), late.done())")
    assert (cell.error, cell.text) == (None, "1 False False\n")
    assert [request.gone.is_set() for request in fal.requests].count(True) == 1


def test_a_cell_that_ends_by_itself_leaves_its_stream(fal: LocalFal, kernel: Kernel) -> None:
    fal.add("acme/app", [1, Pause(0.2), 2])
    kernel.run("s = stream('acme/app')\nprint(next(s))")
    assert kernel.run("1 / 0").error == "ZeroDivisionError"
    assert kernel.run("print(next(s))").text == "2\n"
