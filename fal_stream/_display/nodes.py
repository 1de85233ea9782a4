"""The nodes of a workflow and the state of each, up to a limited number of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from .._shared.chunk_fields import fields_of

__all__ = ["Node", "NodeState", "Nodes", "output_of"]

NodeState: TypeAlias = Literal["running", "done", "failed", "unfinished"]

_MAX_NODES = 200
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Node:
    """A node of a workflow.

    Attributes:
        name: The name of the node in the workflow.
        app_id: The endpoint that runs the node. Default: an empty string, unknown.
        state: The state of the node. Default: running.
        began: When the node was submitted (seconds since the stream is shown). Default 0.
        ended: When the node ended, or None while it is running. Default None.
    """

    name: str
    app_id: str = ""
    state: NodeState = "running"
    began: float = 0.0
    ended: float | None = None

    def seconds(self, now: float) -> float:
        """Return how long the node has been running, or ran (seconds)."""
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


class Nodes:
    """The nodes in the events of a workflow, in the order in which they began."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def take(self, chunk: object, now: float) -> bool:
        """Update the nodes by a chunk, and return whether it is an event of a node.

        Args:
            chunk: Any chunk.
            now: The time (seconds since the stream is shown).
        """
        fields = fields_of(chunk)
        if fields is None:
            return False
        kind, name = fields.get("type"), fields.get("node_id")
        if kind not in ("submit", "completion", "error") or not isinstance(name, str):
            return False
        node = self._nodes.get(name)
        if node is None:
            if len(self._nodes) >= _MAX_NODES:
                return True
            node = Node(name[:_LONGEST_NAME], began=now)
        node = replace(node, app_id=_text(fields, "app_id") or node.app_id)
        if kind == "submit":
            node = replace(node, state="running", began=now, ended=None)
        else:
            node = replace(node, state="failed" if kind == "error" else "done", ended=now)
        self._nodes[name] = node
        return True

    def end(self, now: float) -> None:
        """Mark the nodes that are still running as unfinished, at the end of the stream."""
        for name, node in self._nodes.items():
            if node.state == "running":
                self._nodes[name] = replace(node, state="unfinished", ended=now)

    def all(self) -> tuple[Node, ...]:
        """Return the nodes."""
        return tuple(self._nodes.values())


def output_of(chunk: object) -> Any:
    """Return the output in the last event of a workflow; for other chunks, the chunk itself."""
    fields = fields_of(chunk)
    if fields is not None and fields.get("type") == "output" and "output" in fields:
        return fields["output"]
    return chunk


def _text(fields: Mapping[Any, Any], name: str) -> str:
    value = fields.get(name)
    return value[:_LONGEST_NAME] if isinstance(value, str) else ""
