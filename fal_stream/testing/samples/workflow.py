"""Samples of workflows: an event when a node is submitted and when it is done, and the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from fal_stream.errors import ConfigError
from fal_stream.testing.checks import describe, encode_json
from fal_stream.testing.samples.pauses import with_pauses

__all__ = ["workflow"]

_NODES = MappingProxyType({"prompt": "fal-ai/any-llm", "picture": "fal-ai/flux/dev"})
_OUTPUT = MappingProxyType({"text": "A fox in the snow"})


def workflow(
    output: object = _OUTPUT,
    pause: float = 0.1,
    *,
    nodes: Mapping[str, str] = _NODES,
    results: Mapping[str, object] = MappingProxyType({}),
    failed: str | None = None,
) -> list[Any]:
    """Create the stream of a workflow whose nodes run one after the other.

    The formats are those of fal's documentation.

    Args:
        output: The `output` of the last event, a JSON value.
        pause: Seconds between two events.
        nodes: The names of the nodes, and the endpoint id of each.
        results: The `output` of each node's `completion`, by the name of the node. Default: a text.
        failed: The name of the node that fails: the stream ends with its `error`. Default None:
            none does.

    Returns:
        Steps with a `submit` and a `completion` for each node, and the `output` at the end.

    Raises:
        ConfigError: A value is not JSON, a name is not that of a node, or the pause not a number of
            seconds.
    """
    if not isinstance(nodes, Mapping):
        raise ConfigError(f"nodes is {describe(nodes)}; give a mapping of names to endpoint ids")
    for argument, name in (("failed", failed), *(("results", name) for name in results)):
        if name is not None and name not in nodes:
            raise ConfigError(f"{argument} names the node {name!r}; there are {[*nodes]}")
    events = list(_events(dict(nodes), dict(results), failed))
    if failed is None:
        value = dict(output) if isinstance(output, Mapping) else output
        events.append({"type": "output", "node_id": "output", "output": value})
    encode_json("output, nodes or results", events)
    return with_pauses(events, pause)


def _events(
    nodes: dict[str, str], results: dict[str, object], failed: str | None
) -> Iterator[dict[str, Any]]:
    for number, (name, app_id) in enumerate(nodes.items(), 1):
        node = {"node_id": name, "app_id": app_id}
        yield {"type": "submit", **node, "request_id": f"00000000-0000-0000-0000-{number:012}"}
        if name == failed:
            reason = {"status": 500, "body": {"detail": "Internal Server Error"}}
            message = f"The node {name} failed"
            yield {"type": "error", "node_id": name, "message": message, "error": reason}
            return
        output = results.get(name, {"output": f"What {name} gave"})
        yield {"type": "completion", **node, "output": output}
