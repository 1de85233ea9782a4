"""The server of one run of a scenario, and what came to it.

Promises: each run has a server of its own, with scripts that begin at their beginning. It takes any
key, or none: what was sent is part of what is seen. Leaves to others: who plays the client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fal_stream.testing import LocalFal, RecordedRequest
from fal_stream.testing.script import Answer, Script
from tests.original.arguments import Turns
from tests.original.scenario import Scenario, Sent

__all__ = ["STRANGER", "fill_in", "look", "sent_to", "serve"]

STRANGER = "stranger.example"
"""A host that is neither fal's nor named; whoever plays the client leads it to the server."""

NOBODY = "http://127.0.0.1:2"
"""A port that nothing is ever served at."""

_NEW_NAME = re.compile(r"^(?:upload-)?[0-9a-f]{8,}(?=\.)")

# How long a reply may take to end after the client has seen all of it (seconds).
_SETTLE = 5.0


@contextmanager
def serve(scenario: Scenario) -> Iterator[LocalFal]:
    """Run the server of a scenario.

    Args:
        scenario: The scenario.

    Yields:
        The server.
    """
    with LocalFal(key=None) as fal:
        for endpoint_id, script in scenario.scripts.items():
            if endpoint_id.startswith("/"):
                fal.route(endpoint_id, _begin(script))
            else:
                fal.add(endpoint_id, _begin(script))
        yield fal


def _begin(script: Script | Turns) -> Script:
    if not isinstance(script, Turns):
        return script
    answers = list(script.answers)

    def answer(request: RecordedRequest) -> Answer:
        turn = answers.pop(0) if len(answers) > 1 else answers[0]
        return turn(request) if callable(turn) else turn

    return answer


def fill_in(value: Any, fal: LocalFal) -> Any:
    """Put the addresses of a run into the options of a scenario.

    Args:
        value: An option.
        fal: The server of the run.

    Returns:
        The option, with the names of addresses in texts replaced.
    """
    if isinstance(value, str):
        stranger = fal.url.replace("127.0.0.1", STRANGER)
        value = value.replace("{fal}", fal.url).replace("{stranger}", stranger)
        return value.replace("{nobody}", NOBODY)
    if isinstance(value, dict):
        return {key: fill_in(item, fal) for key, item in value.items()}
    return value


def sent_to(fal: LocalFal) -> list[Sent]:
    """Say what a server was sent.

    Args:
        fal: The server.

    Returns:
        The requests, in the order in which they came.
    """
    return [_sent(request) for request in fal.requests]


def _sent(request: RecordedRequest) -> Sent:
    headers = request.headers
    return Sent(
        method=request.method,
        path=request.path,
        query=request.query,
        body=_content(request.body),
        authorization=headers.get("authorization"),
        content_type=headers.get("content-type"),
        headers={name: value for name, value in headers.items() if name.startswith("x-")},
    )


def _content(body: bytes) -> Any:
    if not body:
        return None
    try:
        content = json.loads(body)
    except ValueError:
        return body
    if isinstance(content, dict) and "file_name" in content:
        # A file without a name is given a new one, but for its ending.
        content["file_name"] = _NEW_NAME.sub("*", content["file_name"])
    return content


def look(fal: LocalFal, watch: frozenset[str]) -> dict[str, Any]:
    """Look at what only the server knows.

    Args:
        fal: The server.
        watch: What the scenario watches.

    Returns:
        The facts.
    """
    facts: dict[str, Any] = {}
    if "accept" in watch:
        facts["accept"] = fal.requests[-1].headers.get("accept")
    if "end" in watch:
        facts["end"] = _end(fal.requests[-1])
    return facts


def _end(request: RecordedRequest) -> str:
    if request.finished.wait(0) or request.gone.wait(_SETTLE):
        return "gone" if request.gone.is_set() else "finished"
    return "finished" if request.finished.is_set() else "open"
