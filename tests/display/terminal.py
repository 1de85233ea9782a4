"""A program on a terminal, and what its user sees."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyte

import fal_stream

__all__ = ["COLUMNS", "LINES", "TerminalProgram"]

ROOT = Path(fal_stream.__file__).parents[1]
COLUMNS, LINES = 80, 24


class TerminalProgram:
    """A program of Python on a terminal of its own.

    Args:
        code: The program.
        variables: Environment variables over those of this process.

    Attributes:
        process: Its process.
        written: All that it wrote.
        status: Its exit code, once it has ended.
    """

    def __init__(self, code: str, **variables: str) -> None:
        master, slave = os.openpty()
        self._master = master
        self._screen = pyte.HistoryScreen(COLUMNS, LINES, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, **size, **variables},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read(self, until: str | None = None) -> list[str]:
        """Read what it writes.

        Args:
            until: A text that ends the reading when it is on the screen. Default None: the end of
                the program does.

        Returns:
            The lines on the screen, and those that have left it.
        """
        while until is None or until not in "\n".join(self.lines()):
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # the terminal's way to say that nobody writes any more
                data = b""
            if not data:
                assert until is None, f"{until!r} is not in {self.lines()}"
                break
            self.written += data
            self._stream.feed(data)
        return self.lines()

    def lines(self) -> list[str]:
        """Give the lines that are to be seen, empty ones at the end left out."""
        above: list[Any] = list(self._screen.history.top)
        gone = ["".join(line[column].data for column in range(COLUMNS)) for line in above]
        text = "\n".join(line.rstrip() for line in [*gone, *self._screen.display])
        return text.rstrip().split("\n")

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._master, line.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def close(self) -> int:
        """End it, and give its exit code."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        self.process.kill()
        os.close(self._master)
        return self.process.wait()
