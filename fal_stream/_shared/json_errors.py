"""The errors of values that JSON would change: secrets, equal keys, values without a JSON form.

Promises: the error tells the place and what to do. Not here: traversing an input (`inputs.py`),
dumping models (`model_dump.py`) and checking the dump (`dump_check.py`).
"""

from __future__ import annotations

import builtins
import enum
import math
from collections import deque
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from numbers import Number

from .._checks import is_model_secret, short_repr
from ..credentials import Secret
from ..errors import ConfigError

__all__ = [
    "equal_fields_error",
    "equal_keys_error",
    "key_text",
    "not_finite_error",
    "not_json_error",
    "type_name_and_hint",
]

_WANTED = "give a dict, list, string, number, boolean, None, a pydantic model or a dataclass"


# The names of types with one obvious text form; names, so that nothing has to be imported.
_AS_TEXT = (
    "UUID",
    "IPv4Address",
    "IPv6Address",
    "IPv4Network",
    "IPv6Network",
    "Url",
    "AnyUrl",
    "HttpUrl",
    "URL",
)


def key_text(place: str, key: object) -> str:
    """Return the text of a mapping's key in JSON.

    Args:
        place: The place of the mapping in the input, for messages.
        key: The key.

    Raises:
        ConfigError: The key has no JSON form.
    """
    if isinstance(key, str):
        return key
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float) and math.isfinite(key):
        return float.__repr__(key)
    hint = "its value" if isinstance(key, enum.Enum) else "str() of it"
    if isinstance(key, bytes):
        hint = "its decode()"
    elif is_model_secret(key):
        hint = "its get_secret_value()"
    raise ConfigError(
        f"{place} has the key {short_repr(key)}: the keys of JSON objects are strings; give {hint}"
    )


def equal_keys_error(place: str, first: object, second: object) -> ConfigError:
    """Return the error of two keys of a mapping that are the same in JSON."""
    return ConfigError(
        f"{place} has the keys {short_repr(first)} and {short_repr(second)}, which are the same "
        "key in JSON: rename or leave out one of them"
    )


def equal_fields_error(place: str) -> ConfigError:
    """Return the error of two fields of a model that have the same name in JSON."""
    return ConfigError(
        f"{place} has two fields with the same name in JSON, because of their aliases: rename one"
    )


def not_finite_error(place: str, value: float) -> ConfigError:
    """Return the error of a number that isn't finite."""
    return ConfigError(
        f"{place}={float(value)!r} has no JSON form: replace it by a finite number or None"
    )


def not_json_error(place: str, value: object) -> ConfigError:
    """Return the error of a value without a JSON form, with advice for its type."""
    if is_model_secret(value):
        return ConfigError(
            f"{place} is a {type(value).__name__}, which would be sent as asterisks: give its "
            "get_secret_value()"
        )
    kind, hint = type_name_and_hint(value)
    if hint is not None:
        pass
    elif isinstance(value, Secret):
        hint = "give what its reveal() returns"
    elif isinstance(value, enum.Enum):
        hint = "give its value"
    elif hasattr(type(value), "isoformat"):
        hint = "give its isoformat()"
    elif hasattr(type(value), "total_seconds"):
        hint = "give its total_seconds()"
    elif isinstance(value, Number) and not isinstance(value, complex):
        hint = "give float() of it, or str() where each digit counts"
    elif type(value).__name__ in _AS_TEXT:
        hint = "give str() of it"
    elif isinstance(value, (bytes, bytearray, memoryview)):
        pass  # these are sequences too
    elif isinstance(value, (AbstractSet, Sequence, Iterator, deque)):
        hint = "give list() of it"
    return ConfigError(f"{place} is of type {kind}, which is not a JSON value: {hint or _WANTED}")


def type_name_and_hint(value: object) -> tuple[str, str | None]:
    """Return the name of a value's type for a message, and how to convert the value.

    Returns:
        The name, with the package if Python has a type of the same name; and the advice for a value
        of numpy, torch or pandas, or None for any other value.
    """
    cls = type(value)
    package = cls.__module__.partition(".")[0]
    if hasattr(cls, "dtype") and hasattr(cls, "tolist"):
        hint = "item" if getattr(value, "ndim", 0) == 0 else "tolist"
        return f"{package}.{cls.__name__}", f"give its {hint}()"
    is_pythons = package == "builtins" or not hasattr(builtins, cls.__name__)
    return cls.__name__ if is_pythons else f"{package}.{cls.__name__}", None
