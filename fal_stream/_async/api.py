"""`stream_async()`: stream with a default client, which the first call creates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from typing_extensions import TypeForm, Unpack

from .._shared.endpoint import DEFAULT_PATH
from .._shared.options import EVENT_STREAM, NoOthers, given_options
from ..abort import AbortSignal
from ..types import NOT_GIVEN, ConnectionMode, NotGiven, Priority, TokenProvider
from .client import AsyncStreamingClient
from .stream import AsyncFalStream

OutputT = TypeVar("OutputT")


@functools.lru_cache(maxsize=1)
def _default_async_client() -> AsyncStreamingClient:
    return AsyncStreamingClient()


@overload
def stream_async(
    endpoint_id: str,
    input: Any = None,
    *,
    output_type: None = None,
    url: str | None = None,
    path: str = DEFAULT_PATH,
    query_params: Mapping[str, str | int | float | bool] | None = None,
    timeout: float | NotGiven | None = NOT_GIVEN,
    event_timeout: float | NotGiven | None = NOT_GIVEN,
    start_timeout: float | NotGiven | None = NOT_GIVEN,
    total_timeout: float | NotGiven | None = NOT_GIVEN,
    method: str = "POST",
    accept: str = EVENT_STREAM,
    signal: AbortSignal | None = None,
    headers: Mapping[str, str] | None = None,
    auto_upload: bool = True,
    connection_mode: ConnectionMode = "server",
    token_provider: TokenProvider | None = None,
    is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
    raise_error_events: bool = True,
    priority: Priority | None = None,
    hint: str | None = None,
) -> AsyncFalStream[Any]: ...


@overload
def stream_async(
    endpoint_id: str,
    input: Any = None,
    *,
    output_type: TypeForm[OutputT],
    url: str | None = None,
    path: str = DEFAULT_PATH,
    query_params: Mapping[str, str | int | float | bool] | None = None,
    timeout: float | NotGiven | None = NOT_GIVEN,
    event_timeout: float | NotGiven | None = NOT_GIVEN,
    start_timeout: float | NotGiven | None = NOT_GIVEN,
    total_timeout: float | NotGiven | None = NOT_GIVEN,
    method: str = "POST",
    accept: str = EVENT_STREAM,
    signal: AbortSignal | None = None,
    headers: Mapping[str, str] | None = None,
    auto_upload: bool = True,
    connection_mode: ConnectionMode = "server",
    token_provider: TokenProvider | None = None,
    is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
    raise_error_events: bool = True,
    priority: Priority | None = None,
    hint: str | None = None,
) -> AsyncFalStream[OutputT]: ...


def stream_async(
    endpoint_id: str,
    input: Any = None,
    *,
    output_type: Any = None,
    url: str | None = None,
    path: str = DEFAULT_PATH,
    query_params: Mapping[str, str | int | float | bool] | None = None,
    timeout: float | NotGiven | None = NOT_GIVEN,
    event_timeout: float | NotGiven | None = NOT_GIVEN,
    start_timeout: float | NotGiven | None = NOT_GIVEN,
    total_timeout: float | NotGiven | None = NOT_GIVEN,
    method: str = "POST",
    accept: str = EVENT_STREAM,
    signal: AbortSignal | None = None,
    headers: Mapping[str, str] | None = None,
    auto_upload: bool = True,
    connection_mode: ConnectionMode = "server",
    token_provider: TokenProvider | None = None,
    is_final: Callable[[Any], bool] | NotGiven | None = NOT_GIVEN,
    raise_error_events: bool = True,
    priority: Priority | None = None,
    hint: str | None = None,
    **unknown: Unpack[NoOthers],
) -> AsyncFalStream[Any]:
    """Make a stream by a client that the module keeps, with the settings of the environment.

    Times are seconds; a limit that is left out is that of the environment or the default, and None
    switches it off.

    Args:
        endpoint_id: The endpoint, `owner/alias[/path]`, as on the model's page.
        input: What the app is given: a JSON value, or a pydantic model or dataclass that gives one.
            Sent as the JSON body; a GET puts its fields into the query. Default None: nothing is
            sent.
        output_type: The type of the chunks: a pydantic model, a TypedDict, a union or any other
            type form that pydantic can validate. Default None: JSON values as they are.
        url: The address to stream from, instead of the endpoint's own. Default: none.
        path: What is appended to the endpoint id, such as `/audio/speech`; `""` for nothing. Not
            together with `url`. Default: `/stream`.
        query_params: Added to the address. Default: none.
        timeout: Between two signs of life of the running stream.
        event_timeout: Between two chunks, whatever the signs of life.
        start_timeout: Until the response headers are there, connecting included. One that is given,
            here or to the client, is told to fal too, if it is over 1.
        total_timeout: For all the waiting of the stream.
        method: The HTTP method. Default: POST.
        accept: The media type asked for. Default: text/event-stream.
        signal: Aborts the stream when it is aborted itself. Default: none.
        headers: Sent with this request, over the client's own. Default: none.
        auto_upload: Whether files in the input are uploaded and replaced by their addresses when
            the stream starts. Default True; with False a file in the input is an error.
        connection_mode: `server`: with the key. `client`: straight to fal with a short-lived token,
            past proxy and middleware. Default: server.
        token_provider: Gives the token in the connection mode `client`, a function of the app path.
            Default None: fal is asked for one, with the key.
        is_final: Tells of a chunk whether it is the last one. The stream then ends without waiting
            for the server; one that ends without such a chunk is an IncompleteStream. Default: the
            `output` event of a `workflows/` endpoint; of others, and with None, the server's end is
            the end.
        raise_error_events: Whether an event named `error`, a `{"type": "error"}` of a workflow, and
            a last chunk with an `error` raise StreamEventError. Default True; with False they are
            chunks.
        priority: `normal` or `low`. Default: fal's own.
        hint: Tells fal which runners suit the request. Default: none.
        **unknown: Refused.

    Returns:
        The stream; nothing is sent until it starts.

    Raises:
        ConfigError: The endpoint id or an option is wrong; the message names it.
    """
    options = given_options(locals())
    return _default_async_client().stream(endpoint_id, output_type=output_type, **options)
