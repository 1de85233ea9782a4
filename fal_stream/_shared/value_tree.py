"""Find out whether an input value is a file or contains one.

Promises: it searches mappings, lists, sets, models and dataclasses, down to `DEPTH` levels, and
stops at a value that contains itself.

Not here: which objects are files (`_input_files/detect`).
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from .. import _checks

IsFile: TypeAlias = Callable[[object], bool]

DEPTH = 200  # far deeper than any real JSON

LISTS = (list, tuple, set, frozenset, deque)  # pydantic dumps these to a list in JSON


_CONTAINERS = (Mapping, *LISTS)

_PLAIN = frozenset({str, int, float, bool, type(None)})  # values of these types are never files


def list_of(value: object) -> Collection[Any] | None:
    """Return the items of a value that pydantic dumps to a list in JSON; None for other values."""
    if isinstance(value, LISTS):
        return value
    # pydantic dumps an iterator to this type, which has no public name.
    if isinstance(value, Iterator) and type(value).__name__ == "SerializationIterator":
        return list(value)
    return None


def is_pydantic_object(value: object) -> bool:
    """Return whether a value is a pydantic model or a pydantic dataclass."""
    return _checks.is_model(value) or _checks.is_model_dataclass(value)


def is_dataclass(value: object) -> bool:
    """Return whether a value is an instance of a dataclass."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def declared_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a model or dataclass by name, and the extra fields of a model."""
    if _checks.is_model(value):
        known = type(value).model_fields
        own = {name: item for name, item in value.__dict__.items() if name in known}
        return own | (value.__pydantic_extra__ or {})
    names = [item.name for item in dataclasses.fields(value)]
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def inner_values(value: object) -> Iterable[Any] | None:
    """Return the values in a mapping, list, model or dataclass; None for other values."""
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, LISTS):
        return value
    if is_pydantic_object(value) or is_dataclass(value):
        return declared_fields(value).values()
    return None


def pydantic_config_of(value: object) -> Mapping[str, object]:
    """Return pydantic's configuration of a model or dataclass; empty if it has none."""
    name = "model_config" if _checks.is_model(value) else "__pydantic_config__"
    return getattr(type(value), name, None) or {}


def files_among_fields(value: object, is_file: IsFile) -> IsFile:
    """Return the function that tells whether a field of a model or dataclass is a file.

    Args:
        value: The model or dataclass.
        is_file: Tells whether a value is a file.

    Returns:
        `is_file`; if the model's configuration says how to write bytes as text, a function that is
        False for bytes. It doesn't apply to nested models.
    """
    if pydantic_config_of(value).get("ser_json_bytes", "utf8") == "utf8":
        return is_file
    return lambda item: not isinstance(item, (bytes, bytearray)) and is_file(item)


def holds_file(
    value: object,
    is_file: IsFile,
    here: IsFile | None = None,
    parents: tuple[int, ...] = (),
) -> bool:
    """Return whether a value is a file or contains one.

    Args:
        value: The value.
        is_file: Tells whether a value is a file.
        here: Tells the same for fields of the model that the value is in. Default: `is_file`.
        parents: The ids of the containers around the value. Default: none.
    """
    # A fast path for the common case: there may be a million values.
    if type(value) in _PLAIN or id(value) in parents or len(parents) > DEPTH:
        return False
    items = inner_values(value)
    if items is None:
        return (here or is_file)(value)
    if not isinstance(value, _CONTAINERS):
        here = files_among_fields(value, is_file)
    inside = (*parents, id(value))
    return any(holds_file(item, is_file, here, inside) for item in items)
