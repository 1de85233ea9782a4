"""Check query parameters and add them to a URL.

The query that the URL already has is not decoded and encoded again, because a signature may cover
it.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit

from ..errors import ConfigError
from .json_errors import type_name_and_hint


def check_query(name: str, params: object) -> dict[str, str]:
    """Check query parameters, and return them as text.

    Args:
        name: The name of the argument, for the message.
        params: A mapping of names to strings, numbers or booleans.

    Raises:
        ConfigError: `params` is not such a mapping.
    """
    if not isinstance(params, Mapping):
        # Not shown in the message, because it may contain a token.
        kind = type(params).__name__
        raise ConfigError(f"{name} must be a mapping of names to values, not a {kind}")
    return {str(key): _query_value(f"{name}[{key!r}]", value) for key, value in params.items()}


def _query_value(name: str, value: object) -> str:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        try:
            text = str(value)
            text.encode()
        except ValueError as error:
            reason = str(error)
        else:
            return text
        raise ConfigError(f"{name} can't be part of an address: {reason}")
    kind, way_out = type_name_and_hint(value)
    raise ConfigError(
        f"{name} must be a string, a number or a boolean, not a {kind}"
        f"{f': {way_out}' if way_out else ''}"
    )


def input_query(data: Any) -> dict[str, str]:
    """Return an input, given as JSON values, as query parameters; nested values become JSON.

    Raises:
        ConfigError: The input is not an object, or a value can't be in a URL.
    """
    if not isinstance(data, dict):
        raise ConfigError("input of a GET goes into the query: give an object with named fields")
    texts = {key: v if isinstance(v, str) else json.dumps(v) for key, v in data.items()}
    return check_query("input", texts)


def add_query(url: str, query: Mapping[str, str]) -> str:
    """Return a URL with further query parameters, which replace those of the same name."""
    if not query:
        return url
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if pair]
    kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in query]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode(query)])))
