"""Check that the JSON of a model has the same content as the model.

Promises: linear; the error tells the place and what to do. The JSON dump is compared with the dump
to Python's own types.

Not here: dumping (`model_dump.py`), the errors (`json_errors.py`), and asterisks of secrets that a
serializer has put into a text (`pydantic_secrets.py`).
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic_core import SchemaSerializer, to_jsonable_python

from .._checks import is_model_secret
from .field_aliases import excluded_of
from .json_errors import equal_fields_error, equal_keys_error, not_finite_error, not_json_error
from .value_tree import (
    LISTS,
    declared_fields,
    is_dataclass,
    is_pydantic_object,
    list_of,
    pydantic_config_of,
)

__all__ = ["check_aliases", "check_dump"]

_Pair: TypeAlias = tuple[object, tuple[Any, Any], Any, object]
_Left: TypeAlias = tuple[object, Any, object]
_Apart: TypeAlias = tuple[list[Any], list[_Left]]

# pydantic writes this instead of a secret that is not empty.
_ASTERISKS = "*" * 10


def check_dump(
    dumped: Any, meant: Any, place: str, given: object = None, numbers: object = None
) -> bool:
    """Check that the JSON of a model has the same content as the model.

    Numbers that aren't finite are replaced as the model's configuration tells, and fields that a
    plain dataclass excludes are removed.

    Args:
        dumped: The JSON values, by alias; they may be changed.
        meant: The dump to Python's own types, by field name. If a part of it has another shape, a
            serializer has changed it; then no key may be lost and no number become None anywhere in
            that part.
        place: The place of the value in the input, for messages.
        given: The model, or the value in it. Default None: unknown.
        numbers: The `ser_json_inf_nan` of the model that contains the value. Default: not set.

    Returns:
        Whether keys are missing for an unknown reason: several fields may have the same alias.

    Raises:
        ConfigError: A secret became asterisks, two keys became one, or a number became None.
    """
    if is_model_secret(meant):
        if dumped and dumped in (str(meant), _ASTERISKS):
            raise not_json_error(place, meant)
        return False
    if isinstance(meant, enum.Enum) and not isinstance(meant, (str, int, float)):
        given, meant = meant.value, _in_python(meant.value)
        return check_dump(dumped, meant, place, given, numbers)
    if is_pydantic_object(given):
        numbers = pydantic_config_of(given).get("ser_json_inf_nan", numbers)
    if isinstance(meant, float):
        if numbers is None and not math.isfinite(meant) and _has_none(dumped):
            raise not_finite_error(place, meant)
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
    pairs, apart = _pairs(dumped, meant, given)
    if apart is not None:
        _check_apart(*apart, meant, place, numbers)
    for key, (other_key, other), part, inner in pairs:
        # A fast path for the common case: there may be a million values.
        kind = type(part)
        if kind is str or kind is int or kind is bool or part is None:
            continue
        if isinstance(part, float):
            if not math.isfinite(part):
                if other is None or isinstance(other, float):
                    dumped[other_key] = _number(part, _inner(place, meant, key), numbers)
                elif numbers is None and _has_none(other):
                    raise not_finite_error(_inner(place, meant, key), part)
            continue
        are_missing |= check_dump(other, part, _inner(place, meant, key), inner, numbers)
    return are_missing


def check_aliases(aliased: Any, meant: Any, place: str) -> None:
    """Check that no two fields have the same alias.

    Args:
        aliased: The dump of a model to Python's own types, by alias.
        meant: The same, by field name.
        place: The place of the value in the input, for messages.

    Raises:
        ConfigError: Two fields have the same alias.
    """
    if isinstance(meant, Mapping) and isinstance(aliased, Mapping) and len(aliased) < len(meant):
        raise equal_fields_error(place)
    for key, (_, other), part, _ in _pairs(aliased, meant, None)[0]:
        check_aliases(other, part, _inner(place, meant, key))


def _inner(place: str, meant: object, key: object) -> str:
    return f"{place}.{key}" if isinstance(meant, Mapping) else f"{place}[{key}]"


def _pairs(dumped: Any, meant: Any, given: object) -> tuple[Iterable[_Pair], _Apart | None]:
    """Return the values of a mapping or list in its three forms, matched by key or index.

    Returns:
        The matched values, and those without a counterpart: the dumped ones, and the meant ones
        with their keys and given values. The second is None if all have a counterpart.
    """
    if isinstance(meant, Mapping):
        parts = _parts_of(given)
        if isinstance(dumped, Mapping):
            if _is_aligned(dumped, meant):
                others = zip(meant.items(), dumped.items(), strict=True)
                return ((key, other, part, parts.get(key)) for (key, part), other in others), None
            texts = {key: key if type(key) is str else _text_in_json(key) for key in meant}
            both = [
                (key, (text, dumped[text]), meant[key], parts.get(key))
                for key, text in texts.items()
                if text in dumped
            ]
            found = {text for _, (text, _), _, _ in both}
            rest = [item for text, item in dumped.items() if text not in found]
            left: list[_Left] = [
                (key, meant[key], parts.get(key)) for key in meant if texts[key] not in found
            ]
            return both, (rest, left)
        return (), ([dumped], [(key, part, parts.get(key)) for key, part in meant.items()])
    items = list_of(meant)
    if items is None:
        return (), None
    inner = list_of(getattr(given, "root", given))
    if inner is None or len(inner) != len(items):
        inner = [None] * len(items)
    if isinstance(dumped, LISTS) and len(dumped) == len(items):
        return zip(range(len(items)), enumerate(dumped), items, inner, strict=True), None
    return (), ([dumped], list(zip(range(len(items)), items, inner, strict=True)))


def _is_aligned(dumped: Mapping[Any, Any], meant: Mapping[Any, Any]) -> bool:
    """Return whether two mappings have their values in the same order, perhaps by other keys."""
    return len(dumped) == len(meant) and all(
        name == other or name not in dumped for name, other in zip(meant, dumped, strict=True)
    )


def _check_apart(
    dumped: list[Any], left: list[_Left], meant: object, place: str, numbers: object
) -> None:
    """Check values without a counterpart, because a serializer has written them elsewhere."""
    keys: set[str] = set()
    has_none = False
    stack = list(dumped)
    while stack:
        part = stack.pop()
        has_none |= part is None
        if isinstance(part, dict):
            keys.update(part)
        stack.extend(
            part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        )
    if not has_none and not keys:
        return
    for key, part, given in left:
        _check_inside(part, _inner(place, meant, key), given, numbers, has_none, keys)
    if isinstance(meant, Mapping):
        _check_lost(meant, place, keys)


def _check_inside(
    meant: Any, place: str, given: Any, numbers: object, has_none: bool, keys: AbstractSet[str]
) -> None:
    if isinstance(meant, enum.Enum) and not isinstance(meant, (str, int, float)):
        given, meant = meant.value, _in_python(meant.value)
    if is_pydantic_object(given):
        numbers = pydantic_config_of(given).get("ser_json_inf_nan", numbers)
    if isinstance(meant, float):
        if has_none and numbers is None and not math.isfinite(meant):
            raise not_finite_error(place, meant)
        return
    if isinstance(meant, Mapping):
        _check_lost(meant, place, keys)
    _, apart = _pairs(None, meant, given)
    for key, part, inner in apart[1] if apart is not None else ():
        _check_inside(part, _inner(place, meant, key), inner, numbers, has_none, keys)


def _check_lost(meant: Mapping[Any, Any], place: str, keys: AbstractSet[str]) -> None:
    """Check the keys of a mapping if it was dumped somewhere, that is, if one of its keys was."""
    if any(type(key) is not str for key in meant) and any(
        _text_in_json(key) in keys for key in meant
    ):
        _check_keys(meant, place)


def _has_none(dumped: Any) -> bool:
    if isinstance(dumped, (dict, list)):
        return any(map(_has_none, dumped.values() if isinstance(dumped, dict) else dumped))
    return dumped is None


def _parts_of(given: Any) -> Mapping[Any, Any]:
    if isinstance(given, Mapping):
        return given
    if is_pydantic_object(given) or is_dataclass(given):
        parts = declared_fields(given)
        return _parts_of(parts["root"]) if parts.keys() == {"root"} else parts
    return {}


def _leave_out(dumped: dict[Any, Any], meant: Any, given: object) -> None:
    """Remove the fields that a plain dataclass excludes, which pydantic dumps in an `Any` field."""
    if not is_dataclass(given) or is_pydantic_object(given) or dumped.keys() != meant.keys():
        return
    for name in excluded_of(given):
        dumped.pop(name, None)
        meant.pop(name, None)


def _number(value: float, place: str, numbers: object) -> str | None:
    """Return how the model's configuration writes a number that isn't finite, or raise an error."""
    if numbers == "null":
        return None
    if numbers == "strings":
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    raise not_finite_error(place, value)


@lru_cache(1)
def _any_serializer() -> SchemaSerializer:
    from pydantic_core import core_schema

    return SchemaSerializer(core_schema.any_schema())


def _in_python(value: object) -> Any:
    """Return the value of an enum as pydantic dumps it to Python's types."""
    return _any_serializer().to_python(value, by_alias=False, warnings=False)


def _check_keys(meant: Mapping[Any, Any], place: str) -> None:
    texts: dict[str, Any] = {}
    for key in meant:
        text = _text_in_json(key)
        if text in texts:
            raise equal_keys_error(place, texts[text], key)
        texts[text] = key


def _text_in_json(key: object) -> str:
    """Return the text that pydantic writes for a key."""
    try:
        (text,) = to_jsonable_python({key: None})
    except (ValueError, TypeError):  # only a serializer of the field can write this key
        text = str(key)
    return str(text)


def _check_key(key: object, place: str, numbers: object) -> None:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, tuple):
        for part in key:
            _check_key(part, place, numbers)
    if is_model_secret(key):
        raise not_json_error(f"a key of {place}", key)
    if isinstance(key, float) and not math.isfinite(key) and numbers is None:
        raise not_finite_error(f"a key of {place}", key)
