"""`stream_async()`: stream with a default client, which the first call creates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from typing_extensions import TypeForm, Unpack

from .._shared.endpoint import DEFAULT_PATH
from .._shared.options import EVENT_STREAM, NoOthers, given_options
from ..abort import AbortSignal
from ..credentials import hide_arguments
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


@hide_arguments
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
    """Create a stream with the default client, which has the settings of the environment.

    Timeouts are in seconds. If you leave one out, the value of the environment is used, or else the
    default; None switches it off.

    Args:
        endpoint_id: The endpoint id from the model's page: `owner/alias[/path]`.
        input: The model's input: a JSON value, pydantic model or dataclass, with files at any
            depth. It is sent as the JSON body, or as the query of a GET. Default None: nothing is
            sent.
        output_type: The type that each chunk is validated as: a pydantic model, a TypedDict, a
            union, or any other type that pydantic can validate. Default None: JSON values as they
            are.
        url: The URL to stream from, instead of the endpoint's own. Default: none.
        path: The part of the URL after the endpoint id, such as `/audio/speech`; `""` for none. It
            can't be combined with `url`. Default: `/stream`.
        query_params: Query parameters to add to the URL. Default: none.
        timeout: How long the running stream may be silent; keep-alives count as data.
        event_timeout: How long to wait for the next chunk, even if keep-alives arrive.
        start_timeout: How long to wait for the response headers, including connecting and retries.
            If you set it to more than 1, here or for the client, it is also sent to fal.
        total_timeout: How long to wait in total, from the start of the stream to its end.
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
        **unknown: Any other keyword raises ConfigError.

    Returns:
        The stream. Nothing is sent until it starts.

    Raises:
        ConfigError: The endpoint id or an option is wrong; the message names it.
    """
    options = given_options(locals())
    return _default_async_client().stream(endpoint_id, output_type=output_type, **options)
