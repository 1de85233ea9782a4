"""Draws a stream while another reads it.

Promises: at most ten frames a second, fewer of large ones, and always the last one. Whoever reads
the stream only hands its chunks over: a thread draws, so that no drawing holds up an event loop,
and time is seen to pass while the server is silent. What can't be drawn is logged, and the stream
goes on.

Leaves to others: what a frame holds (`frame`), and where it is drawn (`surface`).
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
import time
from typing import Any, TypeVar

from typing_extensions import Self

from ..abort import AbortSignal
from .frame import Frame, FrameMaker, State
from .layout import to_html
from .surface import Surface, find_surface

__all__ = ["Display", "bundle_of"]

T = TypeVar("T")

PAUSE = 0.1
# A notebook takes so many characters in a second without falling behind.
CHARACTERS_PER_SECOND = 10_000_000
# The time that passes is drawn this often, where drawing costs little (seconds, characters).
CLOCK_PAUSE = 1.0
LIGHT = 50_000

_logger = logging.getLogger("fal_stream")


class Display:
    """Shows one stream, from the beginning of a block to its end.

    Args:
        endpoint_id: The endpoint that is streamed from.
        signal: The stream's own signal, which tells an abort from an end.
    """

    def __init__(self, endpoint_id: str, signal: AbortSignal) -> None:
        self._signal = signal
        self._maker = FrameMaker(endpoint_id)
        self._began = time.monotonic()
        self._surface: Surface | None = None
        self._drawn: Frame | None = None
        self._drawn_at = 0.0
        self._last: object = self
        # Its methods are one step each of the interpreter, which no Ctrl-C can come between.
        self._end: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            self._surface = find_surface()
        except Exception:
            _logger.exception("There is nothing to show a stream on")
        self._draw(self._maker.frame)
        # A notebook finds the cell that is drawn in by it.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=[self._run], daemon=True, name="fal_stream-show"
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self._end.put(None)
        if self._thread is not None:
            self._thread.join()
        state, failure = self._ending(kind)
        self._draw(self._maker.frame.ended(state, failure))
        if error is not None and state == "interrupted":
            # Where the wait was is of no use to the one who ended it, and takes pages to tell.
            error.__traceback__ = None

    def _ending(self, kind: type[BaseException] | None) -> tuple[State, str]:
        if kind is None:
            return ("aborted" if self._signal.aborted else "done"), ""
        return ("failed" if issubclass(kind, Exception) else "interrupted"), kind.__name__

    def take(self, chunk: object) -> None:
        """Take a chunk that came."""
        self._last = chunk
        try:
            self._maker.take(chunk)
        except Exception:
            _logger.exception("A chunk can't be shown")

    def end(self, result: T) -> T:
        """Give the result of the stream back; it is shown where it was not taken before."""
        if result is not None and result is not self._last:
            self.take(result)
        return result

    def _run(self) -> None:
        pause = PAUSE
        while True:
            try:
                return self._end.get(timeout=pause)
            except queue.Empty:
                frame = self._maker.frame
                pause = max(PAUSE, frame.weight / CHARACTERS_PER_SECOND)
            is_late = time.monotonic() - self._drawn_at >= CLOCK_PAUSE
            if frame is not self._drawn or (is_late and frame.weight <= LIGHT):
                self._draw(frame)

    def _draw(self, frame: Frame) -> None:
        if self._surface is None:
            return
        self._drawn, self._drawn_at = frame, time.monotonic()
        try:
            self._surface.draw(frame.at(self._drawn_at - self._began))
        except Exception:
            self._surface = None
            _logger.exception("The stream from %s can't be shown", frame.endpoint_id)


def bundle_of(said: str, chunk: Any) -> dict[str, str]:
    """Give the forms of a stream that a notebook chooses from; nothing is read or sent.

    Args:
        said: The stream in words.
        chunk: Its last chunk, or None.
    """
    maker = FrameMaker("")
    if chunk is not None:
        maker.take(chunk)
    return {"text/html": to_html(maker.frame, said), "text/plain": said}
