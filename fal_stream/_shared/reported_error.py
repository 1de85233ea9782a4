"""Recognize an error that a model reports in a chunk, and the events that end a workflow.

fal documents the events of workflows, and for chunks with an `output` a text `error` "if an error
occurred". OpenRouter sends an object `error` with a `message`, beside or in `choices`, and the
`finish_reason` "error" (https://openrouter.ai/docs/api-reference/streaming).
"""

from __future__ import annotations

import json
from typing import Any

from .decode import decode_json

__all__ = ["is_usage_only", "reported_error", "workflow_event_type"]


def reported_error(chunk: object) -> str | None:
    """Return the message of the error that a chunk reports, or None."""
    if not isinstance(chunk, dict):
        return None
    said = _said(chunk)
    choices = chunk.get("choices")
    if said is not None or not isinstance(choices, list):
        return said
    for choice in choices:
        if isinstance(choice, dict):
            said = _said(choice)
            if said is not None:
                return said
            if choice.get("finish_reason") == "error":
                return "its finish_reason is 'error'"
    return None


def is_usage_only(chunk: object) -> bool:
    """Return whether a chunk only reports the usage, which may come even after an error."""
    return isinstance(chunk, dict) and chunk.get("choices") == [] and not chunk.get("error")


def _said(fields: dict[str, Any]) -> str | None:
    error = fields.get("error")
    if isinstance(error, str):
        return error if error.strip() else None
    # A number is not an error: a model may report a measured error.
    if error is True:
        return _message(fields)
    return _message(error) if isinstance(error, dict) and error else None


def _message(fields: dict[str, Any]) -> str:
    for name in ("message", "detail"):
        message = fields.get(name)
        if isinstance(message, str) and message.strip():
            return message
    try:
        return json.dumps(fields)
    except RecursionError:
        return "an object that is nested too deeply to be shown"


def workflow_event_type(text: str | bytes) -> str | None:
    """Return the type of a workflow's event if it is `error` or `output`, else None.

    The text is used and not the chunk, because the user's `output_type` may have no field `type`.
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
    """Return whether decoding the text is worthwhile, so that few events are decoded twice."""
    if isinstance(text, bytes):
        return b'"error"' in text or b'"output"' in text
    return '"error"' in text or '"output"' in text
