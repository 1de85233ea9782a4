"""What is shown of a stream at one moment.

Promises: a frame never changes, so that a thread can draw it while chunks come. What a chunk
doesn't have stays as the chunks before left it: a picture stands until another comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from .contents import Picture, find_pictures, find_progress, find_text
from .growing import GrowingText
from .shorten import shortened

__all__ = ["Frame", "FrameMaker", "State"]

State = Literal["waiting", "running", "done", "aborted", "interrupted", "failed"]


@dataclass(frozen=True)
class Frame:
    """What is shown.

    Attributes:
        endpoint_id: The endpoint.
        state: How the stream stands.
        seconds: How long it has been shown.
        count: How many chunks came.
        size: How many bytes came, of a stream of bytes.
        progress: The part that is done, 0 to 1, or None.
        message: What the app says about it, or None.
        text: The text so far, or None.
        pictures: The last pictures.
        other: The last chunk in short, where nothing of it can be shown in another form.
        failure: What ended it: the name of an error.
    """

    endpoint_id: str
    state: State = "waiting"
    seconds: float = 0.0
    count: int = 0
    size: int = 0
    progress: float | None = None
    message: str | None = None
    text: str | None = None
    pictures: tuple[Picture, ...] = ()
    other: str | None = None
    failure: str = ""

    @property
    def weight(self) -> int:
        """About how many characters it takes to draw it."""
        return len(self.text or "") + sum(len(picture.url or "") for picture in self.pictures)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("waiting", "running")

    def at(self, seconds: float) -> Frame:
        """Give the same frame some time after its beginning."""
        return replace(self, seconds=seconds)

    def ended(self, state: State, failure: str = "") -> Frame:
        """Give the same frame at the end of its stream."""
        return replace(self, state=state, failure=failure)


class FrameMaker:
    """Makes frames of chunks.

    Args:
        endpoint_id: The endpoint.

    Attributes:
        frame: The frame of the chunks so far.
    """

    def __init__(self, endpoint_id: str) -> None:
        self.frame = Frame(endpoint_id)
        self._text = GrowingText()

    def take(self, chunk: Any) -> None:
        """Take a chunk in."""
        old = self.frame
        size = len(chunk) if isinstance(chunk, bytes) else 0
        text = find_text(chunk)
        pictures = find_pictures(chunk)
        progress, message = find_progress(chunk)
        if text is not None:
            self._text.take(text.text, is_new=text.is_new)
        is_plain = bool(size or text or pictures or progress is not None or message)
        self.frame = Frame(
            old.endpoint_id,
            "running",
            count=old.count + 1,
            size=old.size + size,
            progress=old.progress if progress is None else progress,
            message=old.message if message is None else message,
            text=old.text if text is None else self._text.text,
            pictures=pictures or old.pictures,
            other=None if is_plain else shortened(chunk),
        )
