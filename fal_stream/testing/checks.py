"""Check arguments; messages name the argument, the value and what to give instead."""

from __future__ import annotations

import json
import math

from fal_stream.errors import ConfigError, excerpt

__all__ = [
    "check_bytes",
    "check_header_text",
    "check_line",
    "check_seconds",
    "check_status",
    "check_text",
    "check_whole",
    "describe",
    "encode_json",
]


def check_seconds(argument: str, value: object, *, endless: bool = False) -> None:
    """Refuse what is no time span.

    Args:
        argument: The name of the argument, for the message.
        value: The value to check.
        endless: Whether infinity is allowed.

    Raises:
        ConfigError: The value is no number, negative, NaN, or infinite where it may not be.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{argument} is {value!r}; give a number of seconds")
    if math.isnan(value) or value < 0 or (math.isinf(value) and not endless):
        allowed = "0 or more seconds" + ("" if endless else ", or use Hang() for endless silence")
        raise ConfigError(f"{argument} is {value!r}; give {allowed}")


def describe(value: object) -> str:
    """Write a value for a message.

    Args:
        value: Any value.

    Returns:
        The beginning of its `repr`, or its type where it has none.
    """
    try:
        return excerpt(repr(value))
    except Exception:  # Nested too deeply, for one.
        return f"a {type(value).__name__}"


def check_bytes(argument: str, value: object) -> None:
    """Refuse what is not `bytes`.

    Args:
        argument: The name of the argument, for the message.
        value: The value to check.

    Raises:
        ConfigError: The value is not `bytes`.
    """
    if not isinstance(value, bytes):
        raise ConfigError(
            f"{argument} is {describe(value)}; give bytes, such as b'...' or text.encode()"
        )


def check_line(argument: str, value: object) -> None:
    """Refuse what is not one line of text.

    Args:
        argument: The name of the argument, for the message.
        value: The value to check.

    Raises:
        ConfigError: The value is no string, has a line end, or cannot be written in UTF-8.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{argument} is {value!r}; give a string")
    if "\r" in value or "\n" in value:
        raise ConfigError(f"{argument} is {value!r}; it must be one line (use Raw for bad lines)")
    check_text(argument, value)


def check_text(argument: str, value: str) -> None:
    """Refuse what cannot be written in UTF-8.

    Args:
        argument: The name of the argument, for the message.
        value: The value to check.

    Raises:
        ConfigError: The value has a lone surrogate.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{argument} has a lone surrogate at {error.start}; "
            "UTF-8 has no form for it (use Raw for bad UTF-8)"
        ) from None


def check_header_text(argument: str, value: object) -> None:
    """Refuse what cannot stand in a header field.

    Args:
        argument: The name of the argument, for the message.
        value: The value to check.

    Raises:
        ConfigError: The value isn't ASCII text of one line.
    """
    if not isinstance(value, str) or not value.isascii() or "\r" in value or "\n" in value:
        raise ConfigError(
            f"{argument} is {value!r}; give ASCII text of one line (use head for a broken head)"
        )


def check_status(status: object, lowest: int) -> None:
    """Refuse what is no final HTTP status.

    Args:
        status: The value to check.
        lowest: The lowest status that is allowed.

    Raises:
        ConfigError: The value is no whole number from `lowest` to 599.
    """
    if not isinstance(status, int) or not lowest <= status <= 599:
        raise ConfigError(f"status is {status!r}; give an HTTP status from {lowest} to 599")


def check_whole(argument: str, value: object, lowest: int) -> None:
    """Refuse what is no whole number, or too small a one.

    Args:
        argument: The name of the argument, for the message.
        value: The value to check.
        lowest: The lowest number that is allowed.

    Raises:
        ConfigError: The value is no whole number from `lowest` on.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(f"{argument} is {value!r}; give a whole number, {lowest} or more")


def encode_json(argument: str, value: object) -> bytes:
    """Write a value as JSON.

    Args:
        argument: What the value is, for the message.
        value: The value.

    Returns:
        The JSON text in UTF-8.

    Raises:
        ConfigError: The value isn't JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{argument} is {describe(value)}, which isn't JSON: {error}") from None
    # A lone surrogate has no UTF-8 form; Python's escape for it is also the one of JSON.
    return text.encode("utf-8", "backslashreplace")
