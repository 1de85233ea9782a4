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

# The types of most values, for which the slow check against `Mapping` is skipped.
_PLAIN = (str, int, float, type(None), list, tuple, bytes)


def fields_of(value: object) -> Mapping[Any, Any] | None:
    """Return the fields of a JSON object, pydantic model or dataclass; None for other values."""
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
    """Describe a chunk for a message: `has the fields 'output', 'partial'`."""
    fields = fields_of(chunk)
    if fields is None:
        return f"is {short_repr(chunk)}"
    if not fields:
        return "has no fields"
    names = [repr(excerpt(str(name), 40)) for name in islice(fields, _MAX_SHOWN)]
    rest = len(fields) - len(names)
    return f"has the fields {', '.join(names)}{f' and {rest:,} more' if rest else ''}"


def shown_chunks(count: int, last: object) -> str:
    """Describe some chunks for a message: `2 chunks came; the last one has no fields`."""
    if not count:
        return "no chunk came"
    return f"{counted(count, 'chunk')} came; the last one {shown_fields(last)}"


def check_field(argument: str, field: object) -> None:
    """Check that a user's `field` is a name, a plain function of a chunk, or None.

    Args:
        argument: The name of the argument, for the message.
        field: The value of the argument.

    Raises:
        ConfigError: It is none of these.
    """
    if field is None or (isinstance(field, str) and field):
        return
    if isinstance(field, str) or not callable(field):
        raise ConfigError(
            f"{argument}={short_repr(field)} is no field: give its name, or a function of a chunk"
        )
    _checks.check_plain_function(argument, field)
