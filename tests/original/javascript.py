"""Plays scenarios through the original, in one process of Node.js.

Promises: a scenario is handed over as JSON and comes back as JSON, with the names that JavaScript
has for the options. Leaves to others: what happens there (`run.mjs`), the server (`server`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from fal_stream.testing import LocalFal
from tests.original.arguments import Adds, File, Proxy, Raises, Returns
from tests.original.scenario import HANGS, Scenario, plain
from tests.original.server import fill_in, look, sent_to, serve

__all__ = ["play_all"]

RUNNER = Path(__file__).with_name("run.mjs")

# How long a step may take before it counts as hanging (seconds).
_PATIENCE = 30.0
_PATIENCE_WITH_HANGS = 3.0

_MILLISECONDS = {"timeout", "base_delay", "max_delay"}


def play_all(scenarios: Sequence[Scenario], folder: str) -> dict[str, Any]:
    """Play scenarios through `@fal-ai/client`.

    Args:
        scenarios: The scenarios.
        folder: The folder whose `node_modules` holds the client.

    Returns:
        What was seen of each scenario, in JSON values, by its name.
    """
    seen: dict[str, Any] = {}
    by_name = {scenario.name: scenario for scenario in scenarios}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serve(by_name[name])) for name in by_name}
        tasks = [_task(scenario, servers[scenario.name]) for scenario in scenarios]
        process = stack.enter_context(
            subprocess.Popen(
                ["node", str(RUNNER), folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=os.environ | {"FAL_KEY": "env-id:env-secret"},
            )
        )
        stack.callback(process.kill)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(tasks) + "\n")
        process.stdin.flush()
        while len(seen) < len(scenarios):
            line = process.stdout.readline()
            assert line, f"Node.js ended after {len(seen)} of {len(scenarios)} scenarios"
            run = json.loads(line)
            name = run.pop("name")
            seen[name] = _complete(run, by_name[name], servers[name])
    return seen


def _complete(run: dict[str, Any], scenario: Scenario, fal: LocalFal) -> dict[str, Any]:
    """Add what only the server knows."""
    requests = fal.requests
    last_id = requests[-1].request_id if requests else None

    def settle(value: Any) -> Any:
        if isinstance(value, dict):
            value = {key: settle(item) for key, item in value.items()}
            if "request_id" in value and "name" in value:
                value["request_id"] = last_id is not None and value["request_id"] == last_id
            return value
        return [settle(item) for item in value] if isinstance(value, list) else value

    run = settle(run)
    run["request_id"] = last_id is not None and run["request_id"] == last_id
    run["sent"] = plain(sent_to(fal))
    run["facts"] |= look(fal, scenario.watch)
    return run


def _task(scenario: Scenario, fal: LocalFal) -> dict[str, Any]:
    hangs = f'"{HANGS}"' in json.dumps(plain(scenario.original))
    return {
        "name": scenario.name,
        "base": fal.url,
        "plot": scenario.plot,
        "endpointId": scenario.endpoint_id,
        "options": _translate(dict(scenario.options), fal),
        "config": _translate(dict(scenario.settings), fal),
        "patience": 1000 * (_PATIENCE_WITH_HANGS if hangs else _PATIENCE),
        "watch": sorted(scenario.watch),
    }


def _translate(arguments: Mapping[str, Any], fal: LocalFal) -> dict[str, Any]:
    translated: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, Proxy):
            item = _argument(replace(value, url=fill_in(value.url, fal)))
        elif name in ("lifecycle", "retry"):
            item = _translate(value, fal)
        elif name in _MILLISECONDS:
            item = 1000 * value
        else:
            item = _argument(fill_in(value, fal))
        translated[re.sub(r"_(.)", lambda match: match[1].upper(), name)] = item
    return translated


def _argument(value: Any) -> Any:
    if isinstance(value, Returns):
        return {"$returns": plain(value.value)}
    if isinstance(value, Raises):
        return {"$raises": value.message}
    if isinstance(value, File):
        named = {"$name": value.path.name, "$type": value.type}
        return {**plain(value.path.read_bytes()), **named}
    if isinstance(value, Adds):
        return {"$adds": dict(value.headers)}
    if isinstance(value, Proxy):
        if value.when is None:
            return value.url
        when = {"$returns": value.when} if isinstance(value.when, bool) else value.when
        return {"url": value.url, "when": when}
    if isinstance(value, dict):
        return {key: _argument(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_argument(item) for item in value]
    return plain(value)
