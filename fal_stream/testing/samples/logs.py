"""Samples of chunks with the state of a request: queue position and logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import check_line, check_whole, describe
from fal_stream.testing.reply import check_steps
from fal_stream.testing.samples.pauses import with_pauses
from fal_stream.testing.steps import Pause

__all__ = ["with_logs"]

_MESSAGES = ("Loading the model", "Running")


def with_logs(
    steps: Iterable[object],
    messages: Iterable[str] = _MESSAGES,
    pause: float = 0.1,
    *,
    queue_position: int = 2,
) -> list[Any]:
    """Begin a script with the queue position and the logs of the request.

    Args:
        steps: The chunks and steps that follow, such as `image_frames()`.
        messages: The log messages, one for each chunk.
        pause: Seconds after each chunk.
        queue_position: The first position in the queue; 0 if the request doesn't wait.

    Returns:
        Steps with the chunks `{"status": "IN_QUEUE", "queue_position": ..., "request_id": ...}`
        and `{"status": "IN_PROGRESS", "logs": [{"message": ...}], ...}`, and those that follow.

    Raises:
        ConfigError: An argument can't be used.
    """
    check_steps("steps", steps)
    check_whole("queue_position", queue_position, 0)
    if isinstance(messages, str) or not isinstance(messages, Iterable):
        raise ConfigError(f"messages is {describe(messages)}; give a list of strings")
    request = {"request_id": "00000000-0000-0000-0000-000000000001"}
    chunks: list[dict[str, Any]] = [
        {"status": "IN_QUEUE", "queue_position": position, **request}
        for position in range(queue_position, 0, -1)
    ]
    for message in messages:
        check_line("messages", message)
        log = {"message": message, "level": "INFO", "source": "RUN"}
        chunks.append({"status": "IN_PROGRESS", "logs": [log], **request})
    before = with_pauses(chunks, pause)
    return [*before, *([Pause(pause)] if chunks and pause else []), *steps]
