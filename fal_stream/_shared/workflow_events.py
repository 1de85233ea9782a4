"""Recognize the events of a workflow (their shapes are those of fal's documentation)."""

from __future__ import annotations

from .decode import decode_json

__all__ = ["workflow_event_type"]


def workflow_event_type(text: str | bytes) -> str | None:
    """Return whether the text of an event is the `error` or the `output` of a workflow.

    It is told by the text: a chunk of the user's `output_type` may have left the type out.

    Args:
        text: The text.

    Returns:
        `error`, `output`, or None for everything else.
    """
    if not _mentions(text):
        return None
    try:
        value = decode_json(text)
    except (ValueError, RecursionError):
        return None
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if kind in ("error", "output") else None


def _mentions(text: str | bytes) -> bool:
    """Most events are not decoded twice."""
    if isinstance(text, bytes):
        return b'"error"' in text or b'"output"' in text
    return '"error"' in text or '"output"' in text
