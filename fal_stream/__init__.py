"""Results from fal.ai apps while they are still working: tokens, images, audio.

    with StreamingClient() as client:
        for chunk in client.stream("fal-ai/flux/dev", input={"prompt": "a fox"}):
            print(chunk)

The asynchronous flavour has the same names with `Async` before them, and `await`.
"""

from __future__ import annotations

import functools
import os
from typing import Any, TypeVar, overload

from typing_extensions import TypeForm, Unpack

from ._async.client import AsyncStreamingClient, create_async_streaming_client
from ._async.storage import AsyncStorageClient
from ._async.stream import AsyncFalStream
from ._reporting.log import show_log
from ._shared.lifecycle import AclDecision, AclRule, Expiry, StorageAcl, StorageSettings
from ._shared.sse import SSEParser
from ._shared.sse_block import Leftover
from ._sync.client import StreamingClient, create_streaming_client
from ._sync.storage import StorageClient
from ._sync.stream import FalStream
from ._version import __version__
from .abort import AbortController, AbortSignal
from .config import ClientSettings, Config
from .credentials import Secret, Token
from .errors import (
    ApiError,
    ConfigError,
    EventTooLarge,
    FalStreamError,
    FieldError,
    IncompleteStream,
    OutputValidationError,
    StreamConnectionError,
    StreamDecodeError,
    StreamEventError,
    StreamInterrupted,
    StreamTimeout,
    TokenError,
    UploadError,
    ValidationError,
)
from .middleware import ProxyUrlConfig, RequestConfig, RequestMiddleware
from .retry import RetryPolicy
from .types import (
    ConnectionMode,
    JSONValue,
    Priority,
    ServerSentEvent,
    StreamEventType,
    StreamOptions,
    TokenProvider,
)

__all__ = [
    "AbortController",
    "AbortSignal",
    "AclDecision",
    "AclRule",
    "ApiError",
    "AsyncFalStream",
    "AsyncStorageClient",
    "AsyncStreamingClient",
    "ClientSettings",
    "Config",
    "ConfigError",
    "ConnectionMode",
    "EventTooLarge",
    "Expiry",
    "FalStream",
    "FalStreamError",
    "FieldError",
    "IncompleteStream",
    "JSONValue",
    "Leftover",
    "OutputValidationError",
    "Priority",
    "ProxyUrlConfig",
    "RequestConfig",
    "RequestMiddleware",
    "RetryPolicy",
    "SSEParser",
    "Secret",
    "ServerSentEvent",
    "StorageAcl",
    "StorageClient",
    "StorageSettings",
    "StreamConnectionError",
    "StreamDecodeError",
    "StreamEventError",
    "StreamEventType",
    "StreamInterrupted",
    "StreamOptions",
    "StreamTimeout",
    "StreamingClient",
    "Token",
    "TokenError",
    "TokenProvider",
    "UploadError",
    "ValidationError",
    "__version__",
    "create_async_streaming_client",
    "create_streaming_client",
    "stream",
    "stream_async",
]

OutputT = TypeVar("OutputT")

show_log(os.environ)


@functools.lru_cache(maxsize=1)
def _default_client() -> StreamingClient:
    return StreamingClient()


@functools.lru_cache(maxsize=1)
def _default_async_client() -> AsyncStreamingClient:
    return AsyncStreamingClient()


@overload
def stream(
    endpoint_id: str, *, output_type: None = None, **options: Unpack[StreamOptions]
) -> FalStream[Any]: ...


@overload
def stream(
    endpoint_id: str, *, output_type: TypeForm[OutputT], **options: Unpack[StreamOptions]
) -> FalStream[OutputT]: ...


def stream(
    endpoint_id: str, *, output_type: Any = None, **options: Unpack[StreamOptions]
) -> FalStream[Any]:
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
    return _default_client().stream(endpoint_id, output_type=output_type, **options)


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
    """Make an asyncio stream by a client that the module keeps, like `stream`.

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
