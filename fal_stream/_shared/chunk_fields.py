"""Read the fields of a chunk of any type (JSON, pydantic model, dataclass)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypeAlias

from .. import _checks
from .._checks import is_model, short_repr
from ..errors import ConfigError, counted, excerpt

ChunkField: TypeAlias = str | Callable[[Any], Any]

_MAX_SHOWN = 12

# The types of most values, which needn't be checked against `Mapping`.
_PLAIN = (str, int, float, type(None), list, tuple, bytes)


def fields_of(value: object) -> Mapping[Any, Any] | None:
    """Return the fields of an object of JSON, a pydantic model or a dataclass; None of others."""
    if isinstance(value, dict):
        return value
    if isinstance(value, _PLAIN):
        return None
    if isinstance(value, Mapping):
        return value
    if is_model(value):
        extra = value.__pydantic_extra__
        return {**vars(value), **extra} if extra else vars(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return None


def shown_fields(chunk: object) -> str:
    """Say what a chunk is, for a message: `has the fields 'output', 'partial'`."""
    fields = fields_of(chunk)
    if fields is None:
        return f"is {short_repr(chunk)}"
    if not fields:
        return "has no fields"
    names = [repr(excerpt(str(name), 40)) for name in islice(fields, _MAX_SHOWN)]
    rest = len(fields) - len(names)
    return f"has the fields {', '.join(names)}{f' and {rest:,} more' if rest else ''}"


def shown_chunks(count: int, last: object) -> str:
    """Say which chunks came, for a message: `2 chunks came; the last one has no fields`.

    Args:
        count: How many.
        last: The last one.
    """
    if not count:
        return "no chunk came"
    return f"{counted(count, 'chunk')} came; the last one {shown_fields(last)}"


def check_field(argument: str, field: object) -> None:
    """Check how the user names a field of chunks.

    Args:
        argument: What the argument is called.
        field: A name, a plain function of a chunk, or None.

    Raises:
        ConfigError: It is anything else.
    """
    if field is None or (isinstance(field, str) and field):
        return
    if isinstance(field, str) or not callable(field):
        raise ConfigError(
            f"{argument}={short_repr(field)} is no field: give its name, or a function of a chunk"
        )
    _checks.check_plain_function(argument, field)
