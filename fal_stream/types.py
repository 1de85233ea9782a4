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
"""What a listener can be registered for; `message` is another name of `data`."""


ConnectionMode: TypeAlias = Literal["server", "client"]
"""What a stream proves itself by: `server` by the key, `client` by a short-lived token."""

Priority: TypeAlias = Literal["normal", "low"]
"""How urgent a request is to fal's queue."""

TokenProvider: TypeAlias = Callable[[str], str | Awaitable[str]]
"""Gives a token for an app path, such as `fal-ai/flux/dev/stream`; an async function serves async
clients only."""


class NotGiven(Enum):
    """The type of `NOT_GIVEN`."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return self.name


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""The default of a keyword for which None has a meaning of its own, such as a limit that is off."""


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
    """What came of one input of `stream_map`.

    Attributes:
        index: Where the input stands among the inputs, from 0.
        input: The input.
        result: What its stream gave; None where it failed.
        error: What ended its stream before its time, or None.
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
    """The options of one stream; where one is left out, the client's setting holds.

    Attributes:
        input: What the app is given: a JSON value, or a pydantic model or dataclass that gives
            one. Sent as the JSON body; a GET puts its fields into the query. Default: nothing
            is sent.
        url: The address to stream from, instead of the endpoint's own.
        path: What is appended to the endpoint id, such as `/audio/speech`; `""` for nothing. Not
            together with `url`. Default: `/stream`.
        query_params: Added to the address: strings, numbers or booleans. Default: none.
        timeout: Seconds between two signs of life of the running stream.
        event_timeout: Seconds between two chunks, whatever the signs of life.
        start_timeout: Seconds until the response headers are there, connecting included. One
            that is given, here or to the client, is told to fal too, if it is over 1.
        total_timeout: Seconds of waiting for the whole stream.
        method: The HTTP method. Default: POST.
        accept: The media type asked for. Default: text/event-stream.
        signal: Aborts the stream when it is aborted itself. Default: none.
        headers: Sent with this request, over the client's own. Default: none.
        auto_upload: Whether files in the input are uploaded and replaced by their addresses when
            the stream starts. Default True; with False a file in the input is an error.
        connection_mode: `server`: with the key. `client`: straight to fal with a short-lived
            token, past proxy and middleware. Default: server.
        token_provider: Gives the token in the connection mode `client`, a function of the app
            path. Default None: fal is asked for one, with the key.
        is_final: Tells of a chunk whether it is the last one. The stream then ends without
            waiting for the server; one that ends without such a chunk is an IncompleteStream.
            Default: the `output` event of a `workflows/` endpoint; of others, and with None, the
            server's end is the end.
        raise_error_events: Whether an event named `error`, a `{"type": "error"}` of a workflow, and
            a last chunk with an `error` raise StreamEventError. Default True; with False they are
            chunks.
        priority: `normal` or `low`. Default: fal's own.
        hint: Tells fal which runners suit the request. Default: none.
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
