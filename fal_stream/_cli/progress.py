"""The progress line on a terminal, with a bar if rich is installed.

Promises: it is one line that is redrawn while the stream runs, even if nothing arrives, and removed
at the end. If stderr is not a terminal, nothing is shown. Anything else has to be written inside of
`aside()`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from typing_extensions import Self

from fal_stream._cli.bar import Bar, find_bar
from fal_stream._cli.console import Console
from fal_stream._display.extract import find_progress

_SECONDS = 0.2
_COLUMNS = 80


class Progress:
    """The progress line of a stream.

    Args:
        console: Where to draw it.
        endpoint_id: The endpoint.
        request_id: Returns the server's id of the request, or None.

    Attributes:
        chunks: The number of chunks that have arrived.
        size: The number of bytes that have arrived, or None if the chunks are not bytes.
        part: The last progress that a chunk has reported, from 0 to 1, or None.
    """

    def __init__(
        self, console: Console, endpoint_id: str, request_id: Callable[[], str | None]
    ) -> None:
        self.chunks: int = 0
        self.size: int | None = None
        self.part: float | None = None
        self._console = console
        self._endpoint_id = endpoint_id
        self._request_id = request_id
        self._began = time.monotonic()
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if self._console.stderr_is_terminal:
            self._bar = find_bar()
            self._thread = threading.Thread(target=self._draw_again, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Remove the line for good."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._erase()

    def take(self, chunk: Any) -> None:
        """Count a chunk."""
        self.chunks += 1
        if isinstance(chunk, bytes):
            self.size = (self.size or 0) + len(chunk)
        elif self._thread is not None:
            part, _ = find_progress(chunk)
            self.part = self.part if part is None else part

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Return a context manager that removes the line while something else is written."""
        if self._thread is None:
            yield
            return
        with self._lock:
            self._erase()
            yield

    def _draw_again(self) -> None:
        # Not at once, because the line of a short stream would only flicker.
        while not self._over.wait(_SECONDS):
            with self._lock:
                room = _columns() - 1
                bar, taken = self._bar_for(room)
                text = self._text()[: room - taken]
                self._console.write_stderr(f"\r{bar}{text.ljust(self._drawn - taken)}")
                self._drawn = taken + len(text)

    def _bar_for(self, room: int) -> tuple[str, int]:
        """Return the bar and its columns; none if there is no bar, progress or room for it."""
        if self._bar is None or self.part is None or self._bar.columns > room // 2:
            return "", 0
        return self._bar.draw(self.part), self._bar.columns

    def _erase(self) -> None:
        if self._drawn:
            self._console.write_stderr(f"\r{' ' * self._drawn}\r")
            self._drawn = 0

    def _text(self) -> str:
        parts = [f"{self.chunks:,} chunk{'' if self.chunks == 1 else 's'}"]
        if self.size is not None:
            parts.append(f"{self.size:,} bytes")
        parts.append(f"{time.monotonic() - self._began:.1f} s")
        if request_id := self._request_id():
            parts.append(f"request {request_id}")
        if self.part is not None:
            parts.insert(0, f"{self.part:.0%}")
        text = f"{self._endpoint_id}: {', '.join(parts)}"
        # A server may say anything; of these characters each is one column wide.
        return "".join(char if " " <= char <= "~" else "?" for char in text)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS
