"""Check arguments; messages contain the argument, the value and what to give instead."""

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
    """Check that a value is a number of seconds, 0 or more.

    Args:
        argument: The name of the argument, for the message.
        value: The value to check.
        endless: Whether infinity is allowed. Default False.

    Raises:
        ConfigError: The value is not a number, or is negative, NaN, or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{argument} is {value!r}; give a number of seconds")
    if math.isnan(value) or value < 0 or (math.isinf(value) and not endless):
        allowed = "0 or more seconds" + ("" if endless else ", or use Hang() for endless silence")
        raise ConfigError(f"{argument} is {value!r}; give {allowed}")


def describe(value: object) -> str:
    """Return the repr of a value for a message, shortened, or its type if `repr` raises."""
    try:
        return excerpt(repr(value))
    except Exception:  # nested too deeply, for example
        return f"a {type(value).__name__}"


def check_bytes(argument: str, value: object) -> None:
    """Check that a value is `bytes`.

    Raises:
        ConfigError: The value is not `bytes`.
    """
    if not isinstance(value, bytes):
        raise ConfigError(
            f"{argument} is {describe(value)}; give bytes, such as b'...' or text.encode()"
        )


def check_line(argument: str, value: object) -> None:
    """Check that a value is one line of text.

    Raises:
        ConfigError: The value is not a string, has a line end, or can't be encoded as UTF-8.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{argument} is {value!r}; give a string")
    if "\r" in value or "\n" in value:
        raise ConfigError(f"{argument} is {value!r}; it must be one line (use Raw for bad lines)")
    check_text(argument, value)


def check_text(argument: str, value: str) -> None:
    """Check that a text can be encoded as UTF-8.

    Raises:
        ConfigError: The text has a lone surrogate.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{argument} has a lone surrogate at {error.start}; "
            "UTF-8 has no form for it (use Raw for bad UTF-8)"
        ) from None


def check_header_text(argument: str, value: object) -> None:
    """Check that a value can be used in a header field.

    Raises:
        ConfigError: The value isn't ASCII text of one line.
    """
    if not isinstance(value, str) or not value.isascii() or "\r" in value or "\n" in value:
        raise ConfigError(
            f"{argument} is {value!r}; give ASCII text of one line (use head for a broken head)"
        )


def check_status(status: object, lowest: int) -> None:
    """Check that a value is an HTTP status from `lowest` to 599.

    Raises:
        ConfigError: The value is not such a number.
    """
    if not isinstance(status, int) or not lowest <= status <= 599:
        raise ConfigError(f"status is {status!r}; give an HTTP status from {lowest} to 599")


def check_whole(argument: str, value: object, lowest: int) -> None:
    """Check that a value is a whole number, `lowest` or more.

    Raises:
        ConfigError: The value is not such a number.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(f"{argument} is {value!r}; give a whole number, {lowest} or more")


def encode_json(argument: str, value: object) -> bytes:
    """Return a value as JSON, encoded as UTF-8.

    Args:
        argument: What to call the value in the message.
        value: The value.

    Raises:
        ConfigError: The value isn't JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{argument} is {describe(value)}, which isn't JSON: {error}") from None
    # A lone surrogate can't be encoded as UTF-8; Python's escape for it is also valid in JSON.
    return text.encode("utf-8", "backslashreplace")
