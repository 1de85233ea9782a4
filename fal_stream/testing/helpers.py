"""Helpers for scripts: `DONE`, `error_event` and `in_turn`.

Promises: no I/O; safe to use from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import encode_json
from fal_stream.testing.reply import Reply
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.script import Script, check_script, to_reply
from fal_stream.testing.steps import Event

__all__ = ["DONE", "error_event", "in_turn"]

DONE = Event("[DONE]")
"""The event by which some apps end a stream; nothing after it counts."""


def error_event(data: object = "The app failed") -> Event:
    """Create the event of a model that fails in the middle of its stream.

    Args:
        data: What the model reports: a text, or any JSON value.

    Returns:
        An event named `error`; the client raises `StreamEventError`.

    Raises:
        ConfigError: The data isn't JSON.
    """
    text = data if isinstance(data, str) else encode_json("data", data).decode()
    return Event(text, event="error")


def in_turn(*scripts: Script) -> Callable[[RecordedRequest], Reply]:
    """Answer the first request by the first script, the second by the second, and so on.

    Args:
        *scripts: One or more scripts. The last one answers all further requests.

    Returns:
        A script, for `LocalFal.add` or `LocalFal.route`.

    Raises:
        ConfigError: There is no script, or one can't be used.
    """
    if not scripts:
        raise ConfigError("in_turn() has no scripts; give one for each request")
    checked = [check_script(script) for script in scripts]
    lock = threading.Lock()
    count = 0

    def answer(request: RecordedRequest) -> Reply:
        nonlocal count
        with lock:
            script = checked[min(count, len(checked) - 1)]
            count += 1
        if isinstance(script, Reply):
            return script
        return to_reply("the answer of the script", script(request))

    return answer
