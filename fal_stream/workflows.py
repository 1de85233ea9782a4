"""The events of a workflow (an endpoint whose id begins with `workflows/`), as types.

    for event in client.stream("workflows/acme/sticker", input, output_type=WorkflowEvent):
        if isinstance(event, OutputEvent):
            print(event.output)

The types follow fal's documentation. Fields that are not declared here are kept as attributes, and
an event of an unknown type is an `OtherEvent`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Tag

__all__ = [
    "CompletionEvent",
    "ErrorEvent",
    "OtherEvent",
    "OutputEvent",
    "SubmitEvent",
    "WorkflowEvent",
]


class _Event(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


class SubmitEvent(_Event):
    """A node was submitted: it waits in its model's queue, or runs.

    Attributes:
        type: `submit`.
        node_id: The name of the node in the workflow.
        app_id: The endpoint id of the node's model, or None.
        request_id: fal's id of the node's own request, or None.
    """

    type: Literal["submit"]
    node_id: str
    app_id: str | None = None
    request_id: str | None = None


class CompletionEvent(_Event):
    """A node is done.

    Attributes:
        type: `completion`.
        node_id: The name of the node in the workflow.
        app_id: The endpoint id of the node's model, or None.
        output: The node's output: a JSON value.
    """

    type: Literal["completion"]
    node_id: str
    app_id: str | None = None
    output: Any = None


class ErrorEvent(_Event):
    """A node failed. By default a stream raises `StreamEventError` instead.

    Attributes:
        type: `error`.
        node_id: The name of the node in the workflow, or None.
        message: What happened, or None.
        error: What the node's model reported: a JSON value.
    """

    type: Literal["error"]
    node_id: str | None = None
    message: str | None = None
    error: Any = None


class OutputEvent(_Event):
    """The workflow is done: its last event.

    Attributes:
        type: `output`.
        node_id: The name of the node that has the output, or None.
        output: The workflow's output: a JSON value.
    """

    type: Literal["output"]
    node_id: str | None = None
    output: Any = None


class OtherEvent(_Event):
    """An event of a type that is not known here.

    Attributes:
        type: Its type, or None if it has none.
    """

    type: Any = None


_KNOWN = ("submit", "completion", "error", "output")


def _tag_of(event: Any) -> str:
    fields = event if isinstance(event, dict) else {"type": getattr(event, "type", None)}
    kind = fields.get("type")
    return kind if isinstance(kind, str) and kind in _KNOWN else "other"


WorkflowEvent: TypeAlias = Annotated[
    Annotated[SubmitEvent, Tag("submit")]
    | Annotated[CompletionEvent, Tag("completion")]
    | Annotated[ErrorEvent, Tag("error")]
    | Annotated[OutputEvent, Tag("output")]
    | Annotated[OtherEvent, Tag("other")],
    Discriminator(_tag_of),
]
"""Any event of a workflow, for `output_type`."""
