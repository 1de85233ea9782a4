"""Streams without a client of the user's: the module keeps one."""

from __future__ import annotations

import functools
from typing import Any, TypeVar, overload

from typing_extensions import TypeForm, Unpack

from ..types import StreamOptions
from .client import AsyncStreamingClient
from .stream import AsyncFalStream

OutputT = TypeVar("OutputT")


@functools.lru_cache(maxsize=1)
def _default_async_client() -> AsyncStreamingClient:
    return AsyncStreamingClient()


@overload
def stream_async(
    endpoint_id: str, *, output_type: None = None, **options: Unpack[StreamOptions]
) -> AsyncFalStream[Any]: ...


@overload
def stream_async(
    endpoint_id: str, *, output_type: TypeForm[OutputT], **options: Unpack[StreamOptions]
) -> AsyncFalStream[OutputT]: ...


def stream_async(
    endpoint_id: str, *, output_type: Any = None, **options: Unpack[StreamOptions]
) -> AsyncFalStream[Any]:
    """Make a stream by a client that the module keeps, with the settings of the environment.

    Args:
        endpoint_id: The endpoint, `owner/alias[/path]`, as on the model's page.
        output_type: The type of the chunks. Default None: JSON values as they are.
        **options: See `StreamOptions`.

    Returns:
        The stream; nothing is sent until it starts.

    Raises:
        ConfigError: The endpoint id or an option is wrong; the message names it.
    """
    return _default_async_client().stream(endpoint_id, output_type=output_type, **options)
