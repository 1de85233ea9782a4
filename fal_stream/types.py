"""The small types that every room shares: JSON values and server-sent events."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple, Union

from typing_extensions import TypeAlias

JSONValue: TypeAlias = Union[
    None, bool, int, float, str, "list[JSONValue]", "dict[str, JSONValue]"
]
"""A decoded JSON value. `NaN` and the infinities are floats, as in Python's `json`."""

StreamEventType: TypeAlias = Literal["data", "message", "error", "done"]
"""What a listener can be registered for; `message` is another name of `data`."""


class ServerSentEvent(NamedTuple):
    """One event of an event stream, as the server sent it.

    The meaning of the fields is that of WHATWG HTML, section 9.2.6.

    Attributes:
        event: The event's name, `message` where the server gave none.
        data: The text of its `data` lines, joined by line feeds.
        id: The last event id of the stream when this event ended, `""` if there was none.
        retry: The last reconnection time in milliseconds that the server sent since the event
            before, or None.
    """

    event: str
    data: str
    id: str = ""
    retry: int | None = None

    def json(self) -> Any:
        """Decode the data as JSON.

        Returns:
            The JSON value.

        Raises:
            ValueError: The data is no JSON.
        """
        return json.loads(self.data)
