"""Streams without a client of the user's: the module keeps one."""

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

    Args:
        endpoint_id: The endpoint, `owner/alias[/path]`, as on the model's page.
        input: What the app is given. Default None: nothing is sent.
        output_type: The type of the chunks. Default None: JSON values as they are.
        url: As all that follow: see `AsyncStreamingClient.stream`.
        path: See there.
        query_params: See there.
        timeout: See there.
        event_timeout: See there.
        start_timeout: See there.
        total_timeout: See there.
        method: See there.
        accept: See there.
        signal: See there.
        headers: See there.
        auto_upload: See there.
        connection_mode: See there.
        token_provider: See there.
        is_final: See there.
        raise_error_events: See there.
        priority: See there.
        hint: See there.
        **unknown: Refused.

    Returns:
        The stream; nothing is sent until it starts.

    Raises:
        ConfigError: The endpoint id or an option is wrong; the message names it.
    """
    options = given_options(locals())
    return _default_async_client().stream(endpoint_id, output_type=output_type, **options)
