"""Recognize an error that a model reports in a chunk, and the events that end a workflow.

fal documents the events of workflows, and `error` beside `output`, a text, "if an error occurred".
OpenRouter sends an object `error` with a `message`, beside or in `choices`, and a `finish_reason`
of "error" (https://openrouter.ai/docs/api-reference/streaming).
"""

from __future__ import annotations

import json
from typing import Any

from .decode import decode_json

__all__ = ["is_usage_only", "reported_error", "workflow_event_type"]


def reported_error(chunk: object) -> str | None:
    """Return what a chunk says of an error.

    Returns:
        The message of the error, or None where the chunk reports none.
    """
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
    """Return whether a chunk only says what was used, which comes after an error too."""
    return isinstance(chunk, dict) and chunk.get("choices") == [] and not chunk.get("error")


def _said(fields: dict[str, Any]) -> str | None:
    error = fields.get("error")
    if isinstance(error, str):
        return error if error.strip() else None
    # Not a number: a model may report a measured error.
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
    """Return whether the text of an event is the `error` or the `output` of a workflow.

    It is told by the text: a chunk of the user's `output_type` may have left the type out.

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
