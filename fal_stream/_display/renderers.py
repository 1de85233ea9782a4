"""Draw snapshots in a notebook, on a terminal, or as lines of a file."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from typing import Any, Protocol, TextIO
from uuid import uuid4

from .._ipython import is_kernel, running_shell
from .html import mime_bundle
from .lines import status, to_lines, without_request_id
from .shorten import truncated
from .snapshot import Snapshot

__all__ = ["Notebook", "PlainOutput", "Renderer", "RewrittenLine", "find_renderer"]

# How often a long stream writes a line to a log (seconds).
LOG_PAUSE = 10.0


class Renderer(Protocol):
    """Draws the snapshots of one stream, each in the place of the last one."""

    def draw(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; in the last one, `has_ended` is True."""
        raise NotImplementedError


class Notebook:
    """One output of a notebook cell, updated in place."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        # A unique id for each stream; otherwise, a front end may confuse two displays of a cell.
        self._id = f"fal-stream-{uuid4().hex}"
        self._is_there = False

    def draw(self, snapshot: Snapshot) -> None:
        """See `Renderer`."""
        self._shell.display_pub.publish(
            data=mime_bundle(snapshot),
            metadata={},
            transient={"display_id": self._id},
            update=self._is_there,
        )
        self._is_there = True


class RewrittenLine:
    """One line of a terminal, and all content at the end."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._used = 0

    def draw(self, snapshot: Snapshot) -> None:
        """See `Renderer`."""
        snapshot = without_request_id(snapshot)
        blank = "\r" + " " * self._used + "\r"
        if snapshot.has_ended:
            _write(self._file, blank + "\n".join(to_lines(snapshot)) + "\n")
        else:
            # Leave the last column empty: some terminals begin a new line after it.
            columns = shutil.get_terminal_size().columns - 1
            line = truncated(status(snapshot), columns)
            *above, _ = to_lines(snapshot)
            room = columns - len(line) - 2
            if above and room > 0:
                news = " ".join(" ".join(above)[-2 * room :].split())
                line += "  " + truncated(news, room, at_end=False)
            _write(self._file, blank + line)
            self._used = columns


class PlainOutput:
    """A file or pipe: a status line every ten seconds, and all content at the end."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._due = time.monotonic() + LOG_PAUSE

    def draw(self, snapshot: Snapshot) -> None:
        """See `Renderer`."""
        if snapshot.has_ended:
            _write(self._file, "\n".join(to_lines(snapshot)) + "\n")
        elif time.monotonic() >= self._due:
            _write(self._file, status(snapshot) + "\n")
            self._due = time.monotonic() + LOG_PAUSE


def _write(file: TextIO, text: str) -> None:
    encoding = file.encoding or "utf-8"
    file.write(text.encode(encoding, "replace").decode(encoding))
    file.flush()


def find_renderer() -> Renderer | None:
    """Return the renderer for this program's output; None if it has no output."""
    shell = running_shell()
    if shell is not None and is_kernel(shell):
        return Notebook(shell)
    file = sys.stdout
    if file is None:
        return None
    if not file.isatty() or os.environ.get("TERM") == "dumb":
        return PlainOutput(file)
    # Not every encoding has the characters that rich draws.
    is_utf8 = (file.encoding or "").lower().replace("-", "") == "utf8"
    if is_utf8 and importlib.util.find_spec("rich") is not None:
        from .rich_renderer import RichTerminal

        return RichTerminal(file)
    return RewrittenLine(file)
