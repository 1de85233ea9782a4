"""What the players of both flavours share: a scenario's arguments, and what is seen of errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from fal_stream import (
    AbortController,
    FalStreamError,
    ProxyUrlConfig,
    RequestConfig,
    RetryPolicy,
    ValidationError,
)
from fal_stream.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from fal_stream.testing import LocalFal
from tests.original.arguments import Adds, File, Proxy, Raises, Returns
from tests.original.scenario import Raised, Scenario
from tests.original.server import fill_in, look

__all__ = ["arguments", "raised", "watched"]


def arguments(
    scenario: Scenario, fal: LocalFal, controller: AbortController, calls: list[list[Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make the settings of the client and the options of the stream.

    Args:
        scenario: The scenario.
        fal: Its server.
        controller: The user's, whose signal is given where the plot has one.
        calls: Takes the arguments of each call of a function of the user's.

    Returns:
        The settings and the options.
    """
    settings = {name: _argument(value, fal, calls) for name, value in scenario.settings.items()}
    options = {name: _argument(value, fal, calls) for name, value in scenario.options.items()}
    if scenario.plot.startswith("signal"):
        options["signal"] = controller.signal
    if scenario.plot == "signal before":
        controller.abort("enough")
    if "retry" in settings:
        settings["retry"] = RetryPolicy(**settings["retry"])
    return {"run_url": fal.url, "rest_url": fal.url, **settings}, options


def _argument(value: Any, fal: LocalFal, calls: list[list[Any]]) -> Any:
    if isinstance(value, Returns):
        return _function(value.value, calls)
    if isinstance(value, Raises):
        return _failing(value.message)
    if isinstance(value, Adds):
        return _middleware(value)
    if isinstance(value, Proxy):
        when = _function(value.when, calls) if isinstance(value.when, bool) else None
        return ProxyUrlConfig(fill_in(value.url, fal), when, value.send_key)
    if isinstance(value, File):
        return value.path
    if isinstance(value, dict):
        return {key: _argument(item, fal, calls) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_argument(item, fal, calls) for item in value]
    return fill_in(value, fal)


def _middleware(adds: Adds) -> Callable[[RequestConfig], RequestConfig]:
    def add(request: RequestConfig) -> RequestConfig:
        path = urlsplit(request.url).path
        headers = dict(request.headers)
        for name, text in adds.headers.items():
            headers[name] = text.format_map({"url": path, **headers})
        return replace(request, headers=headers)

    return add


def _failing(message: str) -> Callable[..., Any]:
    def function(*_: Any) -> Any:
        raise LookupError(message)

    return function


def _function(result: Any, calls: list[list[Any]]) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        calls.append(list(args))
        return result

    return function


BY_STATUS = (AuthenticationError, PermissionDeniedError, NotFoundError, RateLimitError)


def _name_of(error: BaseException) -> str:
    """Name an error as the original does, which has one class for all statuses."""
    return "ApiError" if type(error) in BY_STATUS else type(error).__name__


def raised(error: BaseException, fal: LocalFal) -> Raised:
    """Say what is seen of an error.

    Args:
        error: The error.
        fal: The server.

    Returns:
        What is seen.
    """
    requests = fal.requests
    fields = None
    if isinstance(error, ValidationError):
        fields = [dict(entry) for entry in error.field_errors]
    return Raised(
        _name_of(error),
        getattr(error, "status", None),
        getattr(error, "body", None),
        fields,
        getattr(error, "is_user_timeout", False),
        isinstance(error, FalStreamError)
        and bool(requests)
        and error.request_id == requests[-1].request_id,
    )


def watched(scenario: Scenario, fal: LocalFal, calls: list[list[Any]]) -> dict[str, Any]:
    """Look at what the scenario watches.

    Args:
        scenario: The scenario.
        fal: Its server.
        calls: The arguments of each call of a function of the user's.

    Returns:
        The facts.
    """
    facts: dict[str, Any] = {}
    if "calls" in scenario.watch:
        facts["calls"] = calls
    if "hosts" in scenario.watch:
        facts["hosts"] = [request.headers["host"].partition(":")[0] for request in fal.requests]
    return facts | look(fal, scenario.watch)
