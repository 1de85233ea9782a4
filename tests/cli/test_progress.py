"""What is shown on a terminal: a pty stands for one."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fal_stream._cli.colors import colored
from fal_stream.testing import (
    Event,
    Hang,
    LocalFal,
    Pause,
    Ping,
    RecordedRequest,
    Reply,
    audio,
    image_frames,
)
from tests.cli.program import PROGRAM, ROOT, SECONDS, environment, interrupt

pty = pytest.importorskip("pty")

COLOR = re.compile("\x1b\\[[0-9;]*m")


class Terminal:
    """A process on a terminal.

    Args:
        fal: The server that it finds.
        *arguments: Its arguments.
        all_of_it: Whether stdout is the terminal too, and not a pipe.
        **more: Variables of its environment.
    """

    def __init__(
        self, fal: LocalFal, *arguments: str, all_of_it: bool = False, **more: str
    ) -> None:
        self._end, end_of_it = pty.openpty()
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=ROOT,
            env={"TERM": "xterm-256color", **environment(fal, **more)},
            stdin=subprocess.DEVNULL,
            stdout=end_of_it if all_of_it else subprocess.PIPE,
            stderr=end_of_it,
        )
        os.close(end_of_it)
        self.shown = ""

    def read(self, until: Callable[[str], bool] = lambda shown: False) -> str:
        """Read what is shown until that holds, or to the end."""
        while not until(self.shown) and select.select([self._end], [], [], SECONDS)[0]:
            try:
                data = os.read(self._end, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not data:
                break
            self.shown += data.decode()
        return self.shown

    def close(self) -> int:
        """Wait for the end, and give the exit code."""
        try:
            if self.process.stdout is not None:
                self.process.stdout.close()
            return self.process.wait(SECONDS)
        finally:
            self.process.kill()
            os.close(self._end)


def screen(shown: str) -> list[str]:
    """Give the lines that stand on the screen in the end, without their colours."""
    lines = [""]
    column = 0
    for char in COLOR.sub("", shown).replace("\r\n", "\n"):
        if char == "\n":
            lines.append("")
            column = 0
        elif char == "\r":
            column = 0
        else:
            lines[-1] = lines[-1][:column] + char + lines[-1][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


class Gate:
    """A stream that goes on when it is told to."""

    def __init__(self, before: list[object], after: list[object]) -> None:
        self._before = before
        self._after = after
        self._open = threading.Event()

    def open(self, shown: str, wanted: str) -> bool:
        """Let the rest come, if that is shown."""
        if wanted in shown:
            self._open.set()
        return False

    def script(self, request: RecordedRequest) -> Iterator[object]:
        """See `LocalFal.add`."""
        yield from self._before
        while not self._open.is_set():
            yield Ping()
            yield Pause(0.05)
        yield from self._after


def test_a_progress_line(fal: LocalFal) -> None:
    gate = Gate([1, 2], [3])
    fal.add("acme/llm", gate.script)
    terminal = Terminal(fal, "run", "acme/llm")
    assert terminal.process.stdout is not None
    shown = terminal.read(lambda shown: gate.open(shown, "acme/llm: 2 chunks, "))
    out = terminal.process.stdout.read()
    assert (terminal.close(), out) == (0, b"1\n2\n3\n")
    request_id = fal.requests[0].request_id
    assert f" s, request {request_id}" in shown
    assert "\n" not in shown
    assert screen(shown) == [""]


def test_the_line_is_there_while_nothing_comes(fal: LocalFal) -> None:
    fal.add("acme/llm", Reply(delay=float("inf")))
    terminal = Terminal(fal, "run", "acme/llm")
    terminal.read(lambda shown: shown.count("acme/llm: 0 chunks, ") >= 2)
    interrupt(terminal.process)
    shown = terminal.read()
    assert terminal.close() == 130
    assert screen(shown) == [""]


def test_chunks_and_line_on_one_terminal(fal: LocalFal) -> None:
    gate = Gate([{"number": 0}], [{"number": 1}, {"number": 2}])
    fal.add("acme/llm", gate.script)
    terminal = Terminal(fal, "run", "acme/llm", all_of_it=True)
    shown = terminal.read(lambda shown: gate.open(shown, "acme/llm: 1 chunk, "))
    assert terminal.close() == 0
    assert screen(shown) == [*(f'{{"number": {number}}}' for number in range(3)), ""]


def test_an_error_after_the_line(fal: LocalFal) -> None:
    fal.add("acme/llm", [1, Hang()])
    terminal = Terminal(fal, "run", "acme/llm", "--timeout", "0.6")
    shown = terminal.read()
    assert terminal.close() == 5
    line, rest = screen(shown)
    assert line.startswith("fal-stream: The server showed no sign of life within 0.6 s")
    assert "raise --timeout if the app needs longer, --timeout none waits forever" in line
    assert rest == ""


def test_pictures_are_short_on_a_terminal(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/flux", [*image_frames(2, pause=0), Pause(0.5)])
    terminal = Terminal(fal, "run", "acme/flux", "--output", str(tmp_path), all_of_it=True)
    shown = terminal.read()
    assert terminal.close() == 0
    lines = screen(shown)
    assert len(lines) == 5
    assert all(len(line) < 250 for line in lines)
    assert '"url": "data:image/png;base64,iVBOR' in lines[0]
    assert lines[1] == f"fal-stream: saved {tmp_path}/flux-0001-images-0.png " + lines[1][-11:]


def test_bytes_are_not_for_a_terminal(fal: LocalFal) -> None:
    fal.add("acme/tts", Reply([*audio(0.2), Hang()], content_type="audio/wav"))
    terminal = Terminal(fal, "run", "acme/tts", all_of_it=True)
    shown = terminal.read()
    assert terminal.close() == 1
    assert "RIFF" not in shown
    assert screen(shown)[0] == (
        "fal-stream: The app sends audio/wav, which is not for a terminal: send stdout into a "
        "file, or give --output DIR"
    )
    assert fal.requests[0].gone.wait(10)


def test_the_size_of_bytes(fal: LocalFal, tmp_path: Path) -> None:
    fal.add("acme/tts", Reply([b"12345", Hang()], content_type="audio/wav"))
    terminal = Terminal(fal, "run", "acme/tts", "--output", str(tmp_path))
    terminal.read(lambda shown: "acme/tts: 1 chunk, 5 bytes, " in shown)
    interrupt(terminal.process)
    shown = terminal.read()
    assert terminal.close() == 130
    assert screen(shown)[0].endswith("tts.wav.part (5 bytes, not all that was to come)")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no ptys")
def test_a_server_does_not_steer_the_terminal(fal: LocalFal) -> None:
    texts = ["\x1b[2J", "\x9b2J", "\u202e", "\x7f"]
    fal.add("acme/llm", [*texts, {"\x1b": "\x07"}])
    terminal = Terminal(fal, "run", "acme/llm", all_of_it=True)
    shown = terminal.read()
    assert terminal.close() == 0
    assert not {"\x1b", "\x9b", "\u202e", "\x7f", "\x07"} & set(COLOR.sub("", shown))


def test_text_does_not_steer_the_terminal(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "one\x1b[2J\r\n"}, {"output": "one\x1b[2J\r\ntwo\x07\r"}])
    terminal = Terminal(fal, "run", "acme/llm", "--text", all_of_it=True)
    assert screen(terminal.read()) == ["one\\x1b[2J", "two\\x07\\r", ""]
    assert terminal.close() == 0


def test_text_grows_where_the_progress_line_was(fal: LocalFal) -> None:
    gate = Gate([Ping()], [{"output": "Hi"}, Pause(0.5), {"output": "Hi there"}])
    fal.add("acme/llm", gate.script)
    terminal = Terminal(fal, "run", "acme/llm", "--text", all_of_it=True)
    shown = terminal.read(lambda shown: gate.open(shown, "acme/llm: 0 chunks, "))
    assert terminal.close() == 0
    assert screen(shown) == ["Hi there", ""]
    # Nothing is drawn once there is text.
    assert shown.rpartition("acme/llm")[2].endswith("Hi there\r\n")


def test_what_is_said_does_not_stand_in_the_text(fal: LocalFal) -> None:
    fal.add("acme/llm", [{"output": "Hi"}, Event("no memory", event="error")])
    terminal = Terminal(fal, "run", "acme/llm", "--text", all_of_it=True)
    first, second, _ = screen(terminal.read())
    assert terminal.close() == 3
    assert first == "Hi"
    assert second.startswith("fal-stream: The app reported an error")


def test_json_has_colors_on_a_terminal(fal: LocalFal) -> None:
    fal.add("acme/llm", [{'a\\"b': ["it: {1}", -1.5e-7, None]}])
    terminal = Terminal(fal, "run", "acme/llm", all_of_it=True)
    name, text = colored(r'"a\\\"b"', "34"), colored('"it: {1}"', "32")
    number, word = colored("-1.5e-07", "36"), colored("null", "35")
    line = f"{{{name}: [{text}, {number}, {word}]}}\r\n"
    assert terminal.read().endswith(line)
    assert terminal.close() == 0


def test_errors_have_colors_on_a_terminal(fal: LocalFal) -> None:
    fal.add("acme/llm", [Event("no memory", event="error")])
    terminal = Terminal(fal, "run", "acme/llm", all_of_it=True)
    assert "\x1b[31mfal-stream:\x1b[0m The app reported an error" in terminal.read()
    assert terminal.close() == 3


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colors(fal: LocalFal, more: dict[str, Any]) -> None:
    gate = Gate([{"progress": 0.5}], [{"progress": 1}, Event("no", event="error")])
    fal.add("acme/llm", gate.script)
    terminal = Terminal(fal, "run", "acme/llm", all_of_it=True, **more)
    shown = terminal.read(lambda shown: gate.open(shown, "acme/llm: 50%, 1 chunk, "))
    assert terminal.close() == 3
    assert "\x1b[3" not in shown
    assert "\x1b[9" not in shown


def test_a_bar(fal: LocalFal) -> None:
    gate = Gate([{"progress": 0.5}], [{"progress": 1}])
    fal.add("acme/flux", gate.script)
    terminal = Terminal(fal, "run", "acme/flux")
    shown = terminal.read(lambda shown: gate.open(shown, "acme/flux: 50%, 1 chunk, "))
    assert terminal.close() == 0
    drawn = COLOR.sub("", shown)
    assert re.search("\r\u2501{10}.\u2501{9} acme/flux: 50%, 1 chunk, ", drawn)
    assert screen(shown) == [""]


def test_no_bar_without_rich(fal: LocalFal, tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError('it is not installed')")
    gate = Gate([{"progress": 0.5}], [{"progress": 1}])
    fal.add("acme/flux", gate.script)
    terminal = Terminal(fal, "run", "acme/flux", PYTHONPATH=f"{tmp_path}:{ROOT}")
    shown = terminal.read(lambda shown: gate.open(shown, "\racme/flux: 50%, 1 chunk, "))
    assert terminal.close() == 0
    assert screen(shown) == [""]
