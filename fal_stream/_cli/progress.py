"""The progress line on a terminal.

Promises: one line, drawn over itself while a stream runs, silent ones too, and gone at the end;
nothing where stderr is no terminal. Leaves to others: what else is written, inside of `aside()`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from typing_extensions import Self

from fal_stream._cli.console import Console

_SECONDS = 0.2
_COLUMNS = 80


class Progress:
    """A line that says how far a stream has come.

    Args:
        console: Where it is drawn.
        endpoint_id: The endpoint.
        request_id: Gives the server's id of the request, or None.

    Attributes:
        chunks: How many chunks have come.
        size: How many bytes have come, or None.
    """

    def __init__(
        self, console: Console, endpoint_id: str, request_id: Callable[[], str | None]
    ) -> None:
        self.chunks: int = 0
        self.size: int | None = None
        self._console = console
        self._endpoint_id = endpoint_id
        self._request_id = request_id
        self._began = time.monotonic()
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._console.stderr_is_terminal:
            self._thread = threading.Thread(target=self._draw_again, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._erase()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away while something else is written."""
        if self._thread is None:
            yield
            return
        with self._lock:
            self._erase()
            yield

    def _draw_again(self) -> None:
        # Not at once: a short stream would only flicker.
        while not self._over.wait(_SECONDS):
            with self._lock:
                text = self._text()[: _columns() - 1]
                self._console.write_stderr(f"\r{text.ljust(self._drawn)}")
                self._drawn = len(text)

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
        text = f"{self._endpoint_id}: {', '.join(parts)}"
        # A server may say anything; of these characters each is one column wide.
        return "".join(char if " " <= char <= "~" else "?" for char in text)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS
