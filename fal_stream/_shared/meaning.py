"""Detect values that JSON would change: secrets, equal keys, values without a JSON form.

Promises: the error names the place and the way out. Elsewhere: traversing an input (`inputs.py`)
and dumping models (`model_dump.py`).
"""

from __future__ import annotations

import builtins
import enum
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from .._checks import is_model_secret, short_repr
from ..credentials import Secret
from ..errors import ConfigError
from .file_search import LISTS

__all__ = [
    "alike_error",
    "alike_fields_error",
    "check_aliases",
    "check_dump",
    "key_text",
    "kind_of",
    "no_number_error",
    "other_error",
]

# What pydantic writes in the place of a secret that is not empty.
_ASTERISKS = "*" * 10

_WANTED = "give a dict, list, string, number, boolean, None, a pydantic model or a dataclass"


def key_text(place: str, key: object) -> str:
    """Return what a key of a mapping is in JSON.

    Args:
        place: Where the mapping stands.
        key: The key.

    Returns:
        The text.

    Raises:
        ConfigError: There is none.
    """
    if isinstance(key, str):
        return key
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float) and math.isfinite(key):
        return float.__repr__(key)
    raise ConfigError(
        f"{place} has the key {short_repr(key)}: the keys of JSON objects are strings"
    )


def alike_error(place: str, first: object, second: object) -> ConfigError:
    """Return the error of two keys that are one in JSON.

    Args:
        place: Where they stand.
        first: One of them.
        second: The other.
    """
    return ConfigError(
        f"{place} has the keys {short_repr(first)} and {short_repr(second)}, which are one in "
        "JSON: rename or leave out one of them"
    )


def alike_fields_error(place: str) -> ConfigError:
    """Return the error of two fields of a model that are one in JSON.

    Args:
        place: Where the model stands.
    """
    return ConfigError(
        f"{place} has two fields that are one in JSON, as their aliases are alike: rename one"
    )


def no_number_error(place: str, value: float) -> ConfigError:
    """Return the error of a number that isn't finite.

    Args:
        place: Where it stands.
        value: The number.
    """
    return ConfigError(
        f"{place}={float(value)!r} has no JSON form: replace it by a finite number or None"
    )


def other_error(place: str, value: object) -> ConfigError:
    """Return the error of a value that is none of JSON's.

    Args:
        place: Where it stands.
        value: The value.

    Returns:
        The error, with the way out for values of numpy, secrets and the like.
    """
    if is_model_secret(value):
        return ConfigError(
            f"{place} is a {type(value).__name__}, which JSON would have as asterisks: give its "
            "get_secret_value()"
        )
    kind, hint = kind_of(value)
    if hint is not None:
        pass
    elif isinstance(value, Secret):
        hint = "give what its reveal() returns"
    elif isinstance(value, enum.Enum):
        hint = "give its value"
    elif hasattr(type(value), "isoformat"):
        hint = "give its isoformat()"
    return ConfigError(f"{place} is of type {kind}, which is not a JSON value: {hint or _WANTED}")


def kind_of(value: object) -> tuple[str, str | None]:
    """Return what the type of a value is called in a message, and the way to a value of Python's.

    Args:
        value: The value.

    Returns:
        The name, with the package where it would be taken for one of Python's; and what to give
        instead of a value of numpy, torch or pandas, None of any other.
    """
    cls = type(value)
    package = cls.__module__.partition(".")[0]
    if hasattr(cls, "dtype") and hasattr(cls, "tolist"):
        hint = "item" if getattr(value, "ndim", 0) == 0 else "tolist"
        return f"{package}.{cls.__name__}", f"give its {hint}()"
    is_pythons = package == "builtins" or not hasattr(builtins, cls.__name__)
    return cls.__name__ if is_pythons else f"{package}.{cls.__name__}", None


def check_dump(dumped: Any, meant: Any, place: str, *, with_numbers: bool = True) -> bool:
    """Check that the JSON of a model says what the model does.

    Args:
        dumped: JSON values, by alias.
        meant: The same in Python's own types, by Python's names. Where it has another shape, a
            serializer has decided, and nothing is checked.
        place: Where it stands.
        with_numbers: Whether a number that isn't finite may not become None. Default True.

    Returns:
        Whether keys are missing for which no reason was found: fields may have one alias.

    Raises:
        ConfigError: A secret became asterisks, two keys became one, or a number None.
    """
    if is_model_secret(meant):
        if dumped and dumped in (str(meant), _ASTERISKS):
            raise other_error(place, meant)
        return False
    if isinstance(meant, float):
        if dumped is None and with_numbers and not math.isfinite(meant):
            raise no_number_error(place, meant)
        return False
    are_missing = False
    if isinstance(meant, Mapping) and isinstance(dumped, dict):
        for key in meant:
            if type(key) is not str:
                _check_key(key, place)
        are_missing = len(dumped) < len(meant)
        if are_missing:
            _check_keys(meant, place)
    for key, other, part in _pairs(dumped, meant):
        # The common case first: there may be a million of them.
        kind = type(part)
        if kind is str or kind is int or (kind is float and other is not None):
            continue
        are_missing |= check_dump(other, part, _inner(place, meant, key), with_numbers=with_numbers)
    return are_missing


def check_aliases(aliased: Any, meant: Any, place: str) -> None:
    """Check that no two fields have one alias.

    Args:
        aliased: What a model is in Python's own types, by alias.
        meant: The same by Python's names.
        place: Where it stands.

    Raises:
        ConfigError: Two have.
    """
    if isinstance(meant, Mapping) and isinstance(aliased, Mapping) and len(aliased) < len(meant):
        raise alike_fields_error(place)
    for key, other, part in _pairs(aliased, meant):
        check_aliases(other, part, _inner(place, meant, key))


def _inner(place: str, meant: object, key: object) -> str:
    return f"{place}.{key}" if isinstance(meant, Mapping) else f"{place}[{key}]"


def _pairs(dumped: Any, meant: Any) -> Iterator[tuple[object, Any, Any]]:
    """Return what a mapping or a list holds in two forms, with the key, where they are alike."""
    if isinstance(meant, Mapping):
        if isinstance(dumped, Mapping) and len(dumped) == len(meant):
            for (key, part), other in zip(meant.items(), dumped.values(), strict=True):
                yield key, other, part
    elif isinstance(meant, LISTS) and isinstance(dumped, LISTS) and len(dumped) == len(meant):
        yield from zip(range(len(meant)), dumped, meant, strict=True)


def _check_keys(meant: Mapping[Any, Any], place: str) -> None:
    texts: dict[str, Any] = {}
    for key in meant:
        text = _text_in_json(key)
        if text in texts:
            raise alike_error(place, texts[text], key)
        texts[text] = key


def _text_in_json(key: object) -> str:
    """Return what pydantic writes for a key."""
    try:
        (text,) = to_jsonable_python({key: None})
    except (ValueError, TypeError):  # one that a serializer of the field's writes
        text = str(key)
    return str(text)


def _check_key(key: object, place: str) -> None:
    if is_model_secret(key):
        raise other_error(f"a key of {place}", key)
    if isinstance(key, float) and not math.isfinite(key):
        raise no_number_error(f"a key of {place}", key)
