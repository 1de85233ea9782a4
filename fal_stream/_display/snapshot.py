"""`Snapshot`: the content to show of a stream at one moment, built from its chunks.

Promises: a snapshot is immutable, so a thread can draw it while further chunks arrive. A chunk only
changes what it contains: an image is shown until the next one arrives. Adding a chunk takes
constant time, however many came before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from .._shared.text_accumulator import TextAccumulator
from .extract import (
    Media,
    find_logs,
    find_media,
    find_progress,
    find_reasoning,
    find_seed,
    find_shown_text,
)
from .nodes import Node, Nodes, output_of
from .shorten import short_chunk_repr
from .sound import SoundAccumulator

__all__ = ["Snapshot", "SnapshotBuilder", "State"]

State: TypeAlias = Literal["waiting", "running", "done", "aborted", "interrupted", "failed"]

_MAX_LOGS = 5


@dataclass(frozen=True)
class Snapshot:
    """The content to show.

    Attributes:
        endpoint_id: The endpoint.
        state: The state of the stream.
        seconds: How long the stream has been shown (seconds).
        count: The number of chunks that arrived.
        size: The number of bytes that arrived, if the chunks are bytes.
        progress: The progress of the app, 0 to 1, or None.
        message: The app's message about its progress, or None.
        logs: The last lines of the app's log.
        nodes: The nodes of a workflow.
        reasoning: The reasoning of a language model so far, or None.
        text: The text so far, or None.
        media: The last images, audio, videos and other files.
        other: The shortened repr of the last chunk, if nothing else can be shown.
        seed: The seed that the app has used, or None.
        request_id: The server's id of the request, or None.
        failure: The message of the error that ended the stream.
        is_markdown: Whether the text is Markdown.
    """

    endpoint_id: str
    state: State = "waiting"
    seconds: float = 0.0
    count: int = 0
    size: int = 0
    progress: float | None = None
    message: str | None = None
    logs: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    reasoning: str | None = None
    text: str | None = None
    media: tuple[Media, ...] = ()
    other: str | None = None
    seed: int | None = None
    request_id: str | None = None
    failure: str = ""
    is_markdown: bool = False

    @property
    def weight(self) -> int:
        """The approximate number of characters of the drawn snapshot."""
        texts = len(self.text or "") + len(self.reasoning or "")
        return texts + sum(len(one.url or "") for one in self.media)

    @property
    def has_ended(self) -> bool:
        """Whether the stream has ended."""
        return self.state not in ("waiting", "running")


class SnapshotBuilder:
    """Builds snapshots from chunks; one thread may add chunks while another one gets snapshots.

    Args:
        endpoint_id: The endpoint.
        is_markdown: Whether the text is Markdown. Default False.

    Attributes:
        version: A number that increases with each chunk.
    """

    def __init__(self, endpoint_id: str, *, is_markdown: bool = False) -> None:
        self.version: int = 0
        self._endpoint_id = endpoint_id
        self._is_markdown = is_markdown
        self._count = self._size = 0
        self._progress: float | None = None
        self._message: str | None = None
        self._media: tuple[Media, ...] = ()
        self._seed: int | None = None
        self._other: str | None = None
        self._text = TextAccumulator()
        self._reasoning = TextAccumulator()
        self._has_text = self._has_reasoning = False
        self._sound = SoundAccumulator()
        self._nodes = Nodes()
        self._logs: tuple[str, ...] = ()

    def take(self, chunk: Any, now: float = 0.0, content_type: str | None = None) -> None:
        """Add a chunk.

        Args:
            chunk: The chunk.
            now: The time (seconds since the stream is shown). Default 0.
            content_type: The media type of the response, if the chunks are bytes. Default: unknown.
        """
        self._count += 1
        self.version += 1
        self._other = None
        if isinstance(chunk, bytes):
            self._size += len(chunk)
            self._sound.take_body(chunk, content_type)
        elif not self._nodes.take(chunk, now):
            content = output_of(chunk)
            if not self._take_content(content):
                self._other = short_chunk_repr(content)

    def _take_content(self, chunk: Any) -> bool:
        """Add what can be shown of a chunk, and return whether there was anything."""
        text, reasoning = find_shown_text(chunk), find_reasoning(chunk)
        if text is not None:
            self._text.take(text.text, text.cumulative)
            self._has_text = True
        if reasoning is not None:
            self._reasoning.take(reasoning.text, reasoning.cumulative)
            self._has_reasoning = True
        media = find_media(chunk)
        self._media = media or self._media
        has_sound = not media and self._sound.take(chunk)
        progress, message = find_progress(chunk)
        if progress is not None:
            self._progress = progress
        if message is not None:
            self._message = message
        logs = tuple(find_logs(chunk))
        if logs:
            self._logs = (*self._logs, *logs)[-_MAX_LOGS:]
        seed = find_seed(chunk)
        if seed is not None:
            self._seed = seed
        has_news = progress is not None or message is not None or bool(logs)
        return bool(text or reasoning or media or has_sound or has_news)

    def take_failure(self, data: object, now: float) -> None:
        """Add the data of an error, which may be the event of a workflow's node."""
        self._nodes.take(data, now)

    def snapshot(self, now: float = 0.0) -> Snapshot:
        """Return the snapshot of the chunks so far.

        Args:
            now: The time (seconds since the stream is shown). Default 0.
        """
        return self._snapshot("running" if self._count else "waiting", now)

    def ended(
        self, state: State, now: float = 0.0, failure: str = "", request_id: str | None = None
    ) -> Snapshot:
        """Return the snapshot at the end of the stream, with a player for its audio.

        Args:
            state: The state of the stream.
            now: The time (seconds since the stream is shown). Default 0.
            failure: The message of the error that ended the stream. Default: none.
            request_id: The server's id of the request. Default None.
        """
        self._nodes.end(now)
        self._text.end()
        self._reasoning.end()
        return replace(self._snapshot(state, now), failure=failure, request_id=request_id)

    def _snapshot(self, state: State, now: float) -> Snapshot:
        snapshot = Snapshot(
            self._endpoint_id,
            state,
            now,
            count=self._count,
            size=self._size,
            progress=self._progress,
            message=self._message,
            logs=self._logs,
            nodes=self._nodes.all(),
            reasoning=self._reasoning.text if self._has_reasoning else None,
            text=self._text.text if self._has_text else None,
            media=self._media,
            seed=self._seed,
            is_markdown=self._is_markdown,
        )
        sound = self._sound.media(with_url=snapshot.has_ended)
        if sound is not None:
            return replace(snapshot, media=(*snapshot.media, sound))
        # The repr of a chunk is only shown if there is nothing else.
        has_more = snapshot.text or snapshot.media or snapshot.size
        return snapshot if has_more else replace(snapshot, other=self._other)
