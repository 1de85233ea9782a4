"""Render snapshots as lines of text, and the status line of a stream.

Promises: a chunk can't control the terminal, because its control characters are replaced.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import counted
from .extract import Media
from .nodes import Node
from .shorten import format_size, terminal_safe
from .snapshot import Snapshot

__all__ = [
    "LONGEST_TEXT",
    "describe_media",
    "describe_node",
    "failure_line",
    "shown_text",
    "status",
    "to_lines",
    "without_request_id",
]

# Only the end of a longer text is shown while it grows, because each update sends all of it again
# (characters).
LONGEST_TEXT = 100_000

_LONGEST_MESSAGE = 200
_LONGEST_FAILURE = 500

_NAMES = {"image": "picture", "audio": "sound", "video": "video", "file": "file"}


def to_lines(snapshot: Snapshot) -> list[str]:
    """Return a snapshot as lines for a terminal, with the status as the last line."""
    lines = [describe_node(node, snapshot.seconds) for node in snapshot.nodes]
    if snapshot.state != "done":
        lines += [terminal_safe(line) for line in snapshot.logs]
    text = snapshot.text or snapshot.reasoning
    if text:
        lines += terminal_safe(shown_text(text, snapshot)).rstrip("\n").split("\n")
    lines += [_line_of(one) for one in snapshot.media]
    if snapshot.other:
        lines.append(snapshot.other)
    return [*lines, status(snapshot)]


def status(snapshot: Snapshot, *, with_failure: bool = True) -> str:
    """Return the state of a stream in one line.

    Args:
        snapshot: The snapshot.
        with_failure: Whether to include the error that ended the stream. Default True.
    """
    failure = failure_line(snapshot) if with_failure else ""
    said = f"{snapshot.endpoint_id}: {', '.join(_status_parts(snapshot))}"
    return terminal_safe(f"{said}: {failure}" if failure else said)


def _status_parts(snapshot: Snapshot) -> list[str]:
    parts: list[str] = [snapshot.state]
    if snapshot.progress is not None:
        parts.append(f"{snapshot.progress:.0%}")
    parts.append(counted(snapshot.count, "chunk"))
    if snapshot.size:
        parts.append(format_size(snapshot.size))
    parts.append(f"{snapshot.seconds:.1f} s")
    if snapshot.seed is not None:
        parts.append(f"seed {snapshot.seed}")
    if snapshot.request_id:
        parts.append(f"request id {_one_line(snapshot.request_id, 80)}")
    if snapshot.message and not snapshot.has_ended:
        parts.append(_one_line(snapshot.message, _LONGEST_MESSAGE))
    return parts


def without_request_id(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without the request id, which is too long for a line of a terminal."""
    return replace(snapshot, request_id=None)


def failure_line(snapshot: Snapshot) -> str:
    """Return the message of the error that ended a stream, in one line; `""` if there is none."""
    return _one_line(snapshot.failure, _LONGEST_FAILURE)


def _one_line(text: str, limit: int) -> str:
    line = " ".join(terminal_safe(text[:limit]).split())
    return line + "..." if len(text) > limit else line


def shown_text(text: str, snapshot: Snapshot, limit: int = LONGEST_TEXT) -> str:
    """Return a text of a snapshot, or only its end if it is long and still grows."""
    if len(text) <= limit or snapshot.has_ended:
        return text
    return f"[...]{text[-limit:]}"


def describe_node(node: Node, now: float) -> str:
    """Return the state of a workflow's node in one line."""
    app = f" ({node.app_id})" if node.app_id else ""
    return terminal_safe(f"{node.name}{app}: {node.state}, {node.seconds(now):.1f} s")


def describe_media(media: Media) -> str:
    """Return the media type, size and duration of a file as text."""
    parts = [media.content_type] if media.content_type else []
    if media.size is not None:
        parts.append(format_size(media.size))
    if media.seconds is not None:
        parts.append(f"{media.seconds:.1f} s")
    return terminal_safe(", ".join(parts))


def _line_of(media: Media) -> str:
    name, said = _NAMES[media.kind], describe_media(media)
    if media.url is not None and media.url[:5].lower() != "data:":
        return f"{name}: {terminal_safe(media.url)}" + (f" ({said})" if said else "")
    return f"{name}: {said or 'of an unknown type'}"
