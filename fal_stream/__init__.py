"""Stream the output of fal.ai models while they are still running: text, images, audio.

    with StreamingClient() as client:
        for chunk in client.stream("fal-ai/flux/dev", input={"prompt": "a fox"}):
            print(chunk)

Asynchronous classes begin with `Async`; `await` the methods that wait for the server.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._async.api import stream_async
    from ._async.client import AsyncStreamingClient, create_async_streaming_client
    from ._async.file import AsyncFile, find_files_async
    from ._async.storage import AsyncStorageClient
    from ._async.stream import AsyncFalStream
    from ._async.stream_map import AsyncStreamMap
    from ._shared.sse import SSEParser
    from ._shared.sse_event_buffer import Leftover
    from ._shared.storage_settings import AclDecision, AclRule, Expiry, StorageAcl, StorageSettings
    from ._sync.api import stream
    from ._sync.client import StreamingClient, create_streaming_client
    from ._sync.file import File, find_files
    from ._sync.storage import StorageClient
    from ._sync.stream import FalStream
    from ._sync.stream_map import StreamMap
    from .abort import AbortController, AbortSignal
    from .config import ClientSettings, Config
    from .credentials import Secret, Token
    from .errors import (
        ApiError,
        AuthenticationError,
        ConfigError,
        EventTooLarge,
        FalStreamError,
        FieldError,
        FileError,
        IncompleteStream,
        NotFoundError,
        OutputValidationError,
        PermissionDeniedError,
        RateLimitError,
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
        NOT_GIVEN,
        ConnectionMode,
        JSONValue,
        MapItem,
        NotGiven,
        Priority,
        ServerSentEvent,
        StreamEventType,
        StreamOptions,
        TokenProvider,
    )

__all__ = [
    "NOT_GIVEN",
    "AbortController",
    "AbortSignal",
    "AclDecision",
    "AclRule",
    "ApiError",
    "AsyncFalStream",
    "AsyncFile",
    "AsyncStorageClient",
    "AsyncStreamMap",
    "AsyncStreamingClient",
    "AuthenticationError",
    "ClientSettings",
    "Config",
    "ConfigError",
    "ConnectionMode",
    "EventTooLarge",
    "Expiry",
    "FalStream",
    "FalStreamError",
    "FieldError",
    "File",
    "FileError",
    "IncompleteStream",
    "JSONValue",
    "Leftover",
    "MapItem",
    "NotFoundError",
    "NotGiven",
    "OutputValidationError",
    "PermissionDeniedError",
    "Priority",
    "ProxyUrlConfig",
    "RateLimitError",
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
    "StreamMap",
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
    "find_files",
    "find_files_async",
    "stream",
    "stream_async",
]

# Each name is imported when it is first used, so that no program imports the other flavour.
_EXPORTS = {
    "_async.client": (
        "AsyncStreamingClient",
        "create_async_streaming_client",
    ),
    "_async.api": ("stream_async",),
    "_async.file": (
        "AsyncFile",
        "find_files_async",
    ),
    "_async.storage": ("AsyncStorageClient",),
    "_async.stream": ("AsyncFalStream",),
    "_async.stream_map": ("AsyncStreamMap",),
    "_shared.storage_settings": (
        "AclDecision",
        "AclRule",
        "Expiry",
        "StorageAcl",
        "StorageSettings",
    ),
    "_shared.sse": ("SSEParser",),
    "_shared.sse_event_buffer": ("Leftover",),
    "_sync.client": (
        "StreamingClient",
        "create_streaming_client",
    ),
    "_sync.api": ("stream",),
    "_sync.file": (
        "File",
        "find_files",
    ),
    "_sync.storage": ("StorageClient",),
    "_sync.stream": ("FalStream",),
    "_sync.stream_map": ("StreamMap",),
    "abort": (
        "AbortController",
        "AbortSignal",
    ),
    "config": (
        "ClientSettings",
        "Config",
    ),
    "credentials": (
        "Secret",
        "Token",
    ),
    "errors": (
        "ApiError",
        "AuthenticationError",
        "ConfigError",
        "EventTooLarge",
        "FalStreamError",
        "FieldError",
        "FileError",
        "IncompleteStream",
        "NotFoundError",
        "OutputValidationError",
        "PermissionDeniedError",
        "RateLimitError",
        "StreamConnectionError",
        "StreamDecodeError",
        "StreamEventError",
        "StreamInterrupted",
        "StreamTimeout",
        "TokenError",
        "UploadError",
        "ValidationError",
    ),
    "middleware": (
        "ProxyUrlConfig",
        "RequestConfig",
        "RequestMiddleware",
    ),
    "retry": ("RetryPolicy",),
    "types": (
        "ConnectionMode",
        "JSONValue",
        "MapItem",
        "NOT_GIVEN",
        "NotGiven",
        "Priority",
        "ServerSentEvent",
        "StreamEventType",
        "StreamOptions",
        "TokenProvider",
    ),
}

_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}
_MODULES = ("abort", "config", "credentials", "errors", "middleware", "retry", "types", "workflows")

if os.environ.get("FAL_STREAM_LOG"):
    from ._reporting.log import show_log

    show_log(os.environ)


if not TYPE_CHECKING:  # type checkers would take any name for an existing one

    def __getattr__(name: str) -> Any:
        if name in _MODULE_OF:
            value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
            globals()[name] = value
            return value
        if name in _MODULES:
            return import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
