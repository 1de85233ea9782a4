"""Request middleware, and proxies such as `@fal-ai/server-proxy` (`proxy_url`).

Pure: the dispatcher calls the functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from . import _checks
from .credentials import is_secret_name
from .errors import ConfigError

TARGET_URL_HEADER = "x-fal-target-url"

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")

# Headers that the connection sets: another value could end the request early (RFC 9112, section
# 6.3).
_OF_THE_CONNECTION = ("host", "content-length", "transfer-encoding", "connection")


@dataclass(frozen=True)
class RequestConfig:
    """A request as middleware gets it. Use `dataclasses.replace` to make a changed copy.

    Attributes:
        method: The HTTP method.
        url: The complete URL.
        headers: The headers, names in lower case; don't change them in place. The key is not among
            them: it is added afterwards, and only if the resulting URL may get it.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


RequestMiddleware: TypeAlias = Callable[[RequestConfig], RequestConfig | Awaitable[RequestConfig]]
"""Returns the request that is sent instead; an async function works only with asynchronous
clients."""


@dataclass(frozen=True)
class ProxyUrlConfig:
    """A proxy such as `@fal-ai/server-proxy`, which adds its own key.

    Args:
        url: The proxy's URL. Requests are sent there, with their own URL in the header
            `x-fal-target-url`.
        when: A function that says whether a request goes through the proxy. Default None: each
            request does.
        send_key: Whether the client's key is sent to the proxy. Default False.

    Raises:
        ConfigError: A field has a value that can't be used.
    """

    url: str = field(repr=False)
    when: Callable[[RequestConfig], bool] | None = field(repr=False, default=None)
    send_key: bool = False

    def __post_init__(self) -> None:
        _checks.check_url("proxy_url", self.url)
        _checks.check_bool("send_key", self.send_key)
        if self.when is not None:
            _checks.check_plain_function("when", self.when)

    def __getstate__(self) -> dict[str, Any]:
        query = urlsplit(self.url).query
        for name, _ in parse_qsl(query, keep_blank_values=True):
            if is_secret_name(name):
                raise TypeError(
                    f"A proxy_url with the secret {name!r} in its query can't be pickled: give "
                    "it again in the other process"
                )
        return vars(self)

    def redirected(self, request: RequestConfig) -> RequestConfig | None:
        """Send a request to the proxy.

        Args:
            request: The request.

        Returns:
            What is sent to the proxy; None where the request goes straight on, as it does where
            it has a target for a proxy already (so a proxy may be applied twice).
        """
        if TARGET_URL_HEADER in request.headers:
            return None
        if self.when is not None:
            goes_there = self.when(request)
            _checks.check_plain_result("when", goes_there)
            if not goes_there:
                return None
        headers = {**request.headers, TARGET_URL_HEADER: request.url}
        return dataclasses.replace(request, url=self.url, headers=headers)


def check_method(name: str, method: object) -> str:
    """Return an HTTP method in capitals, checked.

    Args:
        name: The argument's name.
        method: The method.

    Raises:
        ConfigError: A stream can't be requested with this method.
    """
    if isinstance(method, str) and method.upper() in METHODS:
        return method.upper()
    raise ConfigError(
        f"{name}={_checks.short_repr(method)} is not known; there are: {', '.join(METHODS)}"
    )


def check_request_headers(name: str, value: object) -> dict[str, str]:
    """Return request headers with names in lower case, checked.

    No header can inject another line into the request or change where the request ends.

    Args:
        name: The argument's name.
        value: A mapping of header names to values.

    Raises:
        ConfigError: The value is no such mapping, or contains a header that the connection sets.
    """
    headers = _checks.check_headers(name, value)
    for key in headers:
        if key.lower() in _OF_THE_CONNECTION:
            raise ConfigError(f"{name} has {key!r}, which the HTTP connection itself sets")
    return {key.lower(): text for key, text in headers.items()}


def check_middleware_result(value: object) -> RequestConfig:
    """Check the request that a middleware returned.

    Args:
        value: What the middleware returned.

    Returns:
        The request, its method in capitals and the names of its headers in lower case.

    Raises:
        ConfigError: The value is not a usable request.
    """
    if not isinstance(value, RequestConfig):
        raise ConfigError(
            f"request_middleware gave a {type(value).__name__}, not a RequestConfig: return the "
            "request, or dataclasses.replace(request, ...)"
        )
    _checks.check_url("url of request_middleware", value.url)
    return RequestConfig(
        check_method("method of request_middleware", value.method),
        value.url,
        MappingProxyType(check_request_headers("headers of request_middleware", value.headers)),
    )
