"""Find what can be shown in a chunk: text, files, progress, logs, a seed.

Promises: any value is accepted, and is searched up to a limit. The result is not escaped: the
renderer has to do that. Nothing is downloaded, and no image is decoded. A URL of a result is http
or https, or a data URI of an image, audio or video.

Not here: what earlier chunks contained (`snapshot`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeGuard

from .._shared.chunk_fields import fields_of
from .._shared.chunk_files import find_files_in_chunk
from .._shared.data_uri import data_head
from .._shared.file_hosts import FileHosts, encoded_url
from .._shared.found_file import FoundFile
from .._shared.media_types import essence_of
from .._shared.text_fields import FoundText, find_text

__all__ = [
    "INLINE_LIMIT",
    "MAX_SHOWN_FILES",
    "Media",
    "MediaKind",
    "find_logs",
    "find_media",
    "find_progress",
    "find_reasoning",
    "find_seed",
    "find_shown_text",
    "media_kind",
]

# The limit for all files together (characters), because a notebook sends and stores them.
INLINE_LIMIT = 10_000_000
MAX_SHOWN_FILES = 8

_MAX_VALUES = 10_000
_MAX_LOGS = 100
_LONGEST_LINE = 500

_HOSTS = FileHosts()
_PICTURES = ("png", "jpeg", "jpg", "gif", "webp", "avif", "bmp")
# The kind of a file by the name of its field, if nothing else tells.
_NAMED = re.compile(
    r"(?P<video>video)|(?P<audio>audio|sound|speech|music|song)|(?P<image>image|picture|photo|mask)",
    re.IGNORECASE,
)

_REASONING_FIELDS = ("reasoning", "reasoning_content")

MediaKind: TypeAlias = Literal["image", "audio", "video", "file"]


@dataclass(frozen=True)
class Media:
    """A file in a chunk, or one whose pieces are the chunks.

    Attributes:
        kind: How to show it: as an image or with a player; of a `file`, only the name is shown.
        url: The URL: http, https, or a data URI. None if the data is too large to be shown, or is
            of the kind `file`.
        content_type: The media type, or an empty string if it is unknown.
        size: The size (bytes), or None if it is unknown.
        seconds: The duration (seconds), or None if it is unknown.
    """

    kind: MediaKind
    url: str | None
    content_type: str = ""
    size: int | None = None
    seconds: float | None = None


def find_shown_text(chunk: object) -> FoundText | None:
    """Return the text of a chunk, which may be a list of texts in `outputs`, or None."""
    found = find_text(chunk)
    if found is not None:
        return found
    fields = fields_of(chunk)
    outputs = None if fields is None else fields.get("outputs")
    if not _is_list(outputs) or not outputs or not all(map(_is_text, outputs)):
        return None
    return FoundText("\n".join(outputs), cumulative=True)


def find_reasoning(chunk: object) -> FoundText | None:
    """Return the reasoning of a language model in a chunk, or None."""
    for name in _REASONING_FIELDS:
        found = find_text(chunk, name)
        if found is not None and found.text:
            return found
    return None


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and data_head(value) is None


def find_progress(chunk: object) -> tuple[float | None, str | None]:
    """Return the progress of the app, and a message about it.

    Returns:
        The progress from 0 to 1, of a `progress` from 0 to 1 or in percent; and the `message`, or
        the position in the queue. Each is None if the chunk doesn't have it.
    """
    fields = fields_of(chunk)
    if fields is None:
        return None, None
    message = fields.get("message")
    position = fields.get("queue_position")
    if not isinstance(message, str):
        message = None
        if isinstance(position, int) and not isinstance(position, bool):
            message = f"in the queue at position {position}"
    return _part(fields.get("progress")), message


def _part(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value <= 100 or not math.isfinite(value):
        return None
    return float(value) if value <= 1 else value / 100


def find_logs(chunk: object) -> Iterator[str]:
    """Find the messages in `logs`, each shortened to one line."""
    fields = fields_of(chunk)
    logs = None if fields is None else fields.get("logs")
    if not _is_list(logs):
        return
    for entry in logs[-_MAX_LOGS:]:
        inner = fields_of(entry)
        message = entry if inner is None else inner.get("message")
        if isinstance(message, str) and message.strip():
            yield " ".join(message[:_LONGEST_LINE].split())


def find_seed(chunk: object) -> int | None:
    """Return the seed that an app has used, or None."""
    fields = fields_of(chunk)
    seed = None if fields is None else fields.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool):
        return None
    return seed if -(2**64) < seed < 2**64 else None


def find_media(chunk: object) -> tuple[Media, ...]:
    """Find the files in a chunk.

    Returns:
        The first `MAX_SHOWN_FILES`. The data beyond `INLINE_LIMIT` has no address.
    """
    media: list[Media] = []
    room = INLINE_LIMIT
    for found in find_files_in_chunk(chunk, _HOSTS, max_values=_MAX_VALUES):
        one = _media_of(found, room)
        if one in media:
            continue
        media.append(one)
        if len(media) == MAX_SHOWN_FILES:
            break
        room -= len(one.url) if one.url and found.is_inline else 0
    return tuple(media)


def _media_of(found: FoundFile, room: int) -> Media:
    content_type = essence_of(found.content_type)
    kind = media_kind(content_type) if content_type else _named_kind(found)
    url = found.url
    if not found.is_inline:
        return Media(kind, encoded_url(url), content_type)
    head = data_head(url)
    size = 0 if head is None else len(url) - head.end
    if head is not None and head.is_base64:
        size = size * 3 // 4
    return Media(kind, None if kind == "file" or len(url) > room else url, content_type, size)


def media_kind(content_type: str) -> MediaKind:
    """Return how to show a file, by its media type."""
    kind, _, name = content_type.partition("/")
    if kind == "image":
        return "image" if name in _PICTURES else "file"
    if kind == "audio":
        return "audio"
    return "video" if kind == "video" else "file"


def _named_kind(found: FoundFile) -> MediaKind:
    if found.is_inline:
        return "file"
    named = _NAMED.search(found.place)
    kinds: dict[str, MediaKind] = {"image": "image", "audio": "audio", "video": "video"}
    return kinds[named.lastgroup or ""] if named is not None else "file"


def _is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, (list, tuple))
