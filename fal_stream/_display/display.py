"""`stream.show()`: draw a stream in a thread of its own while the caller reads it.

Promises: at most ten snapshots are drawn per second, fewer if drawing takes long, and the last
snapshot is always drawn. The reader of the stream only passes its chunks on; the thread draws, so
an event loop is never blocked, and the elapsed time is updated while the server is silent. An
exception while drawing is logged, and the stream goes on.

Not here: what a snapshot contains (`snapshot`), and where it is drawn (`renderers`).
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from typing_extensions import Self

from .._ipython import hide_result, shorten_traceback
from .._signal_errors import raised_by_signal_handler, suppress_errors
from ..abort import AbortSignal
from ..errors import FalStreamError
from .html import to_html
from .markdown import check_markdown
from .renderers import Notebook, Renderer, find_renderer
from .snapshot import Snapshot, SnapshotBuilder, State

__all__ = ["Display", "DisplayedStream", "stream_mime_bundle"]

T = TypeVar("T")

PAUSE = 0.1
# The number of characters per second that a notebook can display.
CHARACTERS_PER_SECOND = 10_000_000
# The share of time that drawing may take; the rest is for reading the stream.
MAX_DRAWING_SHARE = 0.2
# How often the elapsed time is updated (seconds), and the largest snapshot that this is done for
# (characters).
CLOCK_PAUSE = 1.0
LIGHT = 50_000

_logger = logging.getLogger("fal_stream")


class DisplayedStream(Protocol):
    """The part of a stream that a display uses."""

    @property
    def endpoint_id(self) -> str:
        """The endpoint that is streamed from."""
        raise NotImplementedError

    @property
    def signal(self) -> AbortSignal:
        """The stream's own signal, which is aborted when the stream is."""
        raise NotImplementedError

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, or None."""
        raise NotImplementedError

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The headers of the response."""
        raise NotImplementedError


class Display:
    """Shows one stream, from the beginning of a block to its end.

    Args:
        stream: The stream.
        markdown: Whether its text is Markdown. Default False.
    """

    def __init__(self, stream: DisplayedStream, *, markdown: bool = False) -> None:
        self._stream = stream
        self._is_markdown = markdown
        self._builder = SnapshotBuilder(stream.endpoint_id, is_markdown=markdown)
        self._began = time.monotonic()
        self._renderer: Renderer | None = None
        self._drawn_version = -1
        self._drawn_weight = 0
        self._drawn_at = 0.0
        self._drawing_took = 0.0
        self._last: object = self
        # Each of its methods is a single operation of the interpreter, which no Ctrl-C can
        # interrupt.
        self._end: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            self._renderer = find_renderer()
        except Exception as failed:
            if raised_by_signal_handler(failed) is not None:
                raise
            _logger.exception("There is nothing to show a stream on")
        if self._is_markdown and isinstance(self._renderer, Notebook):
            check_markdown()
        self._draw_current()
        # A notebook finds the cell for the output by the context.
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=[self._run], daemon=True, name="fal_stream-show"
        )
        # If no thread can be started, the result is drawn at the end.
        with suppress_errors(RuntimeError):
            thread.start()
            self._thread = thread
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self._end.put(None)
        if self._thread is not None:
            self._thread.join()
        if error is not None and not isinstance(error, Exception):
            shorten_traceback(error)
        state, failure = self._ending(error)
        now = self._now()
        try:
            self._builder.take_failure(getattr(error, "data", None), now)
            snapshot = self._builder.ended(state, now, failure, self._stream.request_id)
        except Exception as failed:
            if raised_by_signal_handler(failed) is not None:
                raise
            _logger.exception("The stream from %s can't be shown", self._stream.endpoint_id)
            return
        self._draw(snapshot)

    def _ending(self, error: BaseException | None) -> tuple[State, str]:
        if error is None:
            return ("aborted" if self._stream.signal.aborted else "done"), ""
        if not isinstance(error, Exception):
            return "interrupted", ""
        said = error.message if isinstance(error, FalStreamError) else str(error)
        return "failed", said or type(error).__name__

    def take(self, chunk: object) -> None:
        """Add a chunk to the display."""
        self._last = chunk
        try:
            content_type = None
            if isinstance(chunk, bytes):
                content_type = self._stream.response_headers.get("content-type")
            self._builder.take(chunk, self._now(), content_type)
        except Exception as failed:
            if raised_by_signal_handler(failed) is not None:
                raise
            _logger.exception("A chunk can't be shown")

    def end(self, result: T) -> T:
        """Return the result of the stream, after adding it to the display if it is a new chunk.

        If `show()` is the last expression of a notebook cell, the notebook doesn't print the result
        again.
        """
        if result is not None and result is not self._last:
            self.take(result)
        hide_result(result)
        return result

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _run(self) -> None:
        pause = PAUSE
        while True:
            try:
                return self._end.get(timeout=pause)
            except queue.Empty:
                pass
            is_late = time.monotonic() - self._drawn_at >= CLOCK_PAUSE
            is_light = self._drawn_weight <= LIGHT
            if self._builder.version != self._drawn_version or (is_late and is_light):
                self._draw_current()
                pause = max(
                    PAUSE,
                    self._drawn_weight / CHARACTERS_PER_SECOND,
                    self._drawing_took * (1 / MAX_DRAWING_SHARE - 1),
                )

    def _draw_current(self) -> None:
        self._drawn_version = self._builder.version
        try:
            snapshot = self._builder.snapshot(self._now())
        except Exception as failed:
            if raised_by_signal_handler(failed) is not None:
                raise
            _logger.exception("The stream from %s can't be shown", self._stream.endpoint_id)
        else:
            self._drawn_weight = snapshot.weight
            self._draw(snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        if self._renderer is None:
            return
        began = time.monotonic()
        try:
            self._renderer.draw(snapshot)
        except Exception as failed:
            if raised_by_signal_handler(failed) is not None:
                raise
            self._renderer = None
            _logger.exception("The stream from %s can't be shown", snapshot.endpoint_id)
        self._drawn_at = time.monotonic()
        self._drawing_took = self._drawn_at - began


def stream_mime_bundle(said: str, chunk: Any) -> dict[str, str]:
    """Return the MIME bundle of a stream; nothing is read or sent.

    Args:
        said: The text for the stream.
        chunk: The last chunk of the stream, or None.
    """
    maker = SnapshotBuilder("")
    if chunk is not None:
        maker.take(chunk)
    return {"text/html": to_html(maker.snapshot(), said), "text/plain": said}
