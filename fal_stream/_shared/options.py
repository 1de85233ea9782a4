"""The keyword arguments of `stream` and of a client, and which of them the caller has passed.

The methods list their keywords, so that people, editors and type checkers see them in the
signature. This module returns those arguments of a call that differ from their default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from typing_extensions import TypedDict

from ..config import ClientSettings
from ..credentials import hide_secrets
from ..types import NOT_GIVEN, StreamOptions
from .endpoint import DEFAULT_PATH

EVENT_STREAM = "text/event-stream"

# The defaults in the signatures; NOT_GIVEN if None has a meaning of its own.
OPTION_DEFAULTS: Mapping[str, object] = {
    "input": None,
    "url": None,
    "path": DEFAULT_PATH,
    "query_params": None,
    "timeout": NOT_GIVEN,
    "event_timeout": NOT_GIVEN,
    "start_timeout": NOT_GIVEN,
    "total_timeout": NOT_GIVEN,
    "method": "POST",
    "accept": EVENT_STREAM,
    "signal": None,
    "headers": None,
    "auto_upload": True,
    "connection_mode": "server",
    "token_provider": None,
    "is_final": NOT_GIVEN,
    "raise_error_events": True,
    "priority": None,
    "hint": None,
}


class NoOthers(TypedDict):
    """The type of `**unknown`: type checkers report every unknown keyword.

    At run time, unknown keywords are accepted, so that the error can suggest the right one.
    """


def given_options(arguments: Mapping[str, Any]) -> StreamOptions:
    """Return the options among the arguments of a call that differ from their default.

    Args:
        arguments: The arguments by name (`locals()` at the beginning of the function), with the
            unknown ones in `unknown`.

    Returns:
        The options, with the unknown ones, for which `prepare_stream` raises an error.
    """
    if arguments["unknown"]:
        hide_secrets(arguments["unknown"])
    given = {
        name: arguments[name]
        for name, default in OPTION_DEFAULTS.items()
        if name in arguments and arguments[name] is not default
    }
    return cast("StreamOptions", {**given, **arguments["unknown"]})


def given_settings(arguments: Mapping[str, Any]) -> ClientSettings:
    """Return the settings among the arguments of a call that were passed.

    Args:
        arguments: As for `given_options`.

    Returns:
        The settings, with the unknown ones, for which `make_settings` raises an error.
    """
    hide_secrets(arguments["unknown"])
    given = {
        name: arguments[name]
        for name in ClientSettings.__annotations__
        if arguments[name] is not NOT_GIVEN
    }
    return cast("ClientSettings", {**given, **arguments["unknown"]})
