"""Detect values that JSON would change: secrets, equal keys, values without a JSON form.

Promises: the error names the place and the way out. Elsewhere: traversing an input (`inputs.py`)
and dumping models (`model_dump.py`).
"""

from __future__ import annotations

import builtins
import enum
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from numbers import Number
from typing import Any

from pydantic_core import SchemaSerializer, to_jsonable_python

from .._checks import is_model_secret, short_repr
from ..credentials import Secret
from ..errors import ConfigError
from .aliases import excluded_of
from .file_search import (
    LISTS,
    config_of,
    declared_fields,
    is_dataclass,
    is_model,
    list_of,
)

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

# What pydantic writes instead of a secret that is not empty.
_ASTERISKS = "*" * 10

_WANTED = "give a dict, list, string, number, boolean, None, a pydantic model or a dataclass"


# Types with one obvious text form; they are not imported for this.
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
    hint = "its value" if isinstance(key, enum.Enum) else "str() of it"
    if isinstance(key, bytes):
        hint = "its decode()"
    elif is_model_secret(key):
        hint = "its get_secret_value()"
    raise ConfigError(
        f"{place} has the key {short_repr(key)}: the keys of JSON objects are strings; give {hint}"
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


def check_dump(
    dumped: Any, meant: Any, place: str, given: object = None, numbers: object = None
) -> bool:
    """Check that the JSON of a model says what the model does.

    Numbers that aren't finite are written as the model says that they stand in, and fields that
    a plain dataclass excludes are taken out.

    Args:
        dumped: JSON values, by alias; they may be changed.
        meant: The same in Python's own types, by Python's names. Where it has another shape, a
            serializer has decided, and nothing is checked.
        place: Where it stands.
        given: The model, or what is in it. Default: nothing that is known.
        numbers: The `ser_json_inf_nan` of the model that it stands in. Default: none is given.

    Returns:
        Whether keys are missing for which no reason was found: fields may have one alias.

    Raises:
        ConfigError: A secret became asterisks, two keys became one, or a number None.
    """
    if is_model_secret(meant):
        if dumped and dumped in (str(meant), _ASTERISKS):
            raise other_error(place, meant)
        return False
    if isinstance(meant, enum.Enum) and not isinstance(meant, (str, int, float)):
        given, meant = meant.value, _in_python(meant.value)
        return check_dump(dumped, meant, place, given, numbers)
    if is_model(given):
        numbers = config_of(given).get("ser_json_inf_nan", numbers)
    if isinstance(meant, float):
        if dumped is None and numbers is None and not math.isfinite(meant):
            raise no_number_error(place, meant)
        return False
    are_missing = False
    if isinstance(meant, Mapping) and isinstance(dumped, dict):
        _leave_out(dumped, meant, given)
        for key in meant:
            if type(key) is not str:
                _check_key(key, place, numbers)
        are_missing = len(dumped) < len(meant)
        if are_missing:
            _check_keys(meant, place)
    for key, (other_key, other), part, inner in _pairs(dumped, meant, given):
        # The common case first: there may be a million of them.
        kind = type(part)
        if kind is str or kind is int or kind is bool or part is None:
            continue
        if isinstance(part, float):
            if not math.isfinite(part) and (other is None or isinstance(other, float)):
                dumped[other_key] = _number(part, _inner(place, meant, key), numbers)
            continue
        are_missing |= check_dump(other, part, _inner(place, meant, key), inner, numbers)
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
    for key, (_, other), part, _ in _pairs(aliased, meant, None):
        check_aliases(other, part, _inner(place, meant, key))


def _inner(place: str, meant: object, key: object) -> str:
    return f"{place}.{key}" if isinstance(meant, Mapping) else f"{place}[{key}]"


def _pairs(
    dumped: Any, meant: Any, given: object
) -> Iterator[tuple[object, tuple[Any, Any], Any, object]]:
    """Return what a mapping or a list holds in three forms, with their keys, where they are alike.

    Yields:
        The key, the key and the value as they were dumped, what is meant, and what was given.
    """
    if isinstance(meant, Mapping):
        if isinstance(dumped, Mapping) and len(dumped) == len(meant):
            parts = _parts_of(given)
            for (key, part), other in zip(meant.items(), dumped.items(), strict=True):
                yield key, other, part, parts.get(key)
    elif isinstance(dumped, LISTS):
        items = list_of(meant)
        if items is not None and len(dumped) == len(items):
            inner = list_of(getattr(given, "root", given))
            if inner is None or len(inner) != len(items):
                inner = [None] * len(items)
            yield from zip(range(len(items)), enumerate(dumped), items, inner, strict=True)


def _parts_of(given: Any) -> Mapping[Any, Any]:
    if isinstance(given, Mapping):
        return given
    if is_model(given) or is_dataclass(given):
        parts = declared_fields(given)
        return _parts_of(parts["root"]) if parts.keys() == {"root"} else parts
    return {}


def _leave_out(dumped: dict[Any, Any], meant: Any, given: object) -> None:
    """Take out the fields that a plain dataclass excludes, which pydantic dumps in an Any."""
    if not is_dataclass(given) or is_model(given) or dumped.keys() != meant.keys():
        return
    for name in excluded_of(given):
        dumped.pop(name, None)
        meant.pop(name, None)


def _number(value: float, place: str, numbers: object) -> str | None:
    """Return how a number that isn't finite is written, if its model says it."""
    if numbers == "null":
        return None
    if numbers == "strings":
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    raise no_number_error(place, value)


@lru_cache(1)
def _any_serializer() -> SchemaSerializer:
    from pydantic_core import core_schema

    return SchemaSerializer(core_schema.any_schema())


def _in_python(value: object) -> Any:
    """Return a value of an enum as pydantic dumps it in Python's types."""
    return _any_serializer().to_python(value, by_alias=False, warnings=False)


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


def _check_key(key: object, place: str, numbers: object) -> None:
    if isinstance(key, enum.Enum):
        key = key.value
    if is_model_secret(key):
        raise other_error(f"a key of {place}", key)
    if isinstance(key, float) and not math.isfinite(key) and numbers is None:
        raise no_number_error(f"a key of {place}", key)
