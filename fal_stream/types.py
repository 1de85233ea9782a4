"""Small types that all packages share: JSON values, server-sent events, stream options."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar, Union, cast

from typing_extensions import TypedDict

from .abort import AbortSignal

JSONValue: TypeAlias = Union[bool, int, float, str, "list[JSONValue]", "dict[str, JSONValue]", None]
"""A decoded JSON value. `NaN` and the infinities are floats, as in Python's `json`."""

StreamEventType: TypeAlias = Literal["data", "message", "error", "done"]
"""The types of events that a listener can be added for; `message` is the same as `data`."""


ConnectionMode: TypeAlias = Literal["server", "client"]
"""How a stream authenticates: `server` with the key, `client` with a short-lived token."""

Priority: TypeAlias = Literal["normal", "low"]
"""The priority of a request in fal's queue."""

TokenProvider: TypeAlias = Callable[[str], str | Awaitable[str]]
"""Returns a token for the path of an endpoint, such as `fal-ai/flux/dev/stream`; an async function
works only with asynchronous clients."""


class NotGiven(Enum):
    """The type of `NOT_GIVEN`."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return self.name


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""The default of a keyword argument for which None has its own meaning, such as no limit."""


class ServerSentEvent(NamedTuple):
    """One event of an event stream, as the server sent it.

    The fields are those of WHATWG HTML, section 9.2.6.

    Attributes:
        event: The event's name; `message` if the server gave none.
        data: The text of its `data` lines, joined by line feeds.
        id: The last event id of the stream when this event ended, `""` if there was none.
        retry: The last reconnection time that the server sent since the previous event, in
            milliseconds, or None.
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
            ValueError: The data is not JSON, or is nested too deeply.
        """
        try:
            return json.loads(self.data)
        except RecursionError:
            pass
        raise ValueError("The data is nested too deeply to be decoded as JSON")


InputT = TypeVar("InputT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class MapItem(Generic[InputT, ResultT]):
    """The result of one input of `stream_map`.

    Attributes:
        index: The position of the input among the inputs, from 0.
        input: The input.
        result: What its stream, or `read`, returned; None if it failed.
        error: The exception that ended it, or None.
    """

    index: int
    input: InputT
    result: ResultT | None = None
    error: Exception | None = None

    def get(self) -> ResultT:
        """Return the result.

        Returns:
            The result.

        Raises:
            Exception: The `error`, if there is one.
        """
        if self.error is not None:
            raise self.error
        return cast("ResultT", self.result)


class StreamOptions(TypedDict, total=False):
    """The options of one stream. A timeout that is left out has the client's value.

    Attributes:
        input: The model's input: a JSON value, pydantic model or dataclass, with files at any
            depth. It is sent as the JSON body, or as the query of a GET. Default: nothing is sent.
        url: The URL to stream from, instead of the endpoint's own.
        path: The part of the URL after the endpoint id, such as `/audio/speech`; `""` for none. It
            can't be combined with `url`. Default: `/stream`.
        query_params: Query parameters to add to the URL: strings, numbers or booleans. Default:
            none.
        timeout: Seconds that the running stream may be silent; keep-alives count as data.
        event_timeout: Seconds to wait for the next chunk, even if keep-alives arrive.
        start_timeout: Seconds to wait for the response headers, including connecting and retries.
            If you set it to more than 1, here or for the client, it is also sent to fal.
        total_timeout: Seconds to wait in total, from the start of the stream to its end.
        method: The HTTP method. Default: POST.
        accept: The media type to ask for. Default: text/event-stream.
        signal: An abort signal; aborting it aborts the stream. Default: none.
        headers: Headers of this request; they replace the client's headers of the same name.
            Default: none.
        auto_upload: Whether files in the input are uploaded when the stream starts, and replaced by
            their URLs. Default True; with False, a file in the input is an error.
        connection_mode: `server` sends the key. `client` sends a short-lived token, directly to
            fal, without proxy and middleware. Default: server.
        token_provider: A function that returns a token for the connection mode `client`; its
            argument is the path of the endpoint. Default None: the token is requested from fal,
            with the key.
        is_final: A function that tells whether a chunk is the last one. The stream ends with that
            chunk, without waiting for the server. If the server ends the stream before such a
            chunk, IncompleteStream is raised. Default: the `output` event for a `workflows/`
            endpoint, else None: the stream ends when the server ends it.
        raise_error_events: Whether StreamEventError is raised for an event named `error`, a
            `{"type": "error"}` of a workflow, and a last chunk with an `error`. Default True; with
            False, they are chunks like any other.
        priority: `normal` or `low`, for fal's queue. Default: the default of fal.
        hint: Tells fal which runner to prefer. Default: none.
    """

    input: Any
    url: str | None
    path: str
    query_params: Mapping[str, str | int | float | bool] | None
    timeout: float | None
    event_timeout: float | None
    start_timeout: float | None
    total_timeout: float | None
    method: str
    accept: str
    signal: AbortSignal | None
    headers: Mapping[str, str] | None
    auto_upload: bool
    connection_mode: ConnectionMode
    token_provider: TokenProvider | None
    is_final: Callable[[Any], bool] | None
    raise_error_events: bool
    priority: Priority | None
    hint: str | None
