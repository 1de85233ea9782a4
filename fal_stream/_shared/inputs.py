"""The input of an app, as JSON (RFC 8259).

Promises: an input that JSON can't hold is refused with the name of the place.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import pydantic

from .._checks import shown
from ..errors import ConfigError


def encode_input(data: Any) -> bytes:
    """Encode the input as JSON (RFC 8259).

    Args:
        data: JSON values, pydantic models and dataclasses, at any depth.

    Returns:
        The JSON text.

    Raises:
        ConfigError: There is anything else in it; the message names the place.
    """
    try:
        text = json.dumps(
            data, default=_as_json, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
    except (TypeError, ValueError, RecursionError) as error:
        reason = _find_misfit(data, "input") or f"input can't be sent as JSON: {error}"
    else:
        try:
            return text.encode()
        except UnicodeEncodeError:
            # A lone surrogate has no UTF-8, but a JSON escape.
            return json.dumps(data, default=_as_json, separators=(",", ":")).encode()
    raise ConfigError(reason)


def _as_json(value: object) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _find_misfit(value: Any, place: str, around: tuple[int, ...] = ()) -> str | None:
    """Name the first place in the input that JSON can't hold."""
    if id(value) in around or len(around) > 200:
        return f"{place} holds itself or is nested too deeply: JSON can't say that"
    inside = (*around, id(value))
    if isinstance(value, float) and not math.isfinite(value):
        return f"{place}={value!r} has no JSON form: replace it by a finite number or None"
    if value is None or isinstance(value, (bool, int, float, str)):
        return None
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, (str, int, float, bool, type(None))):
                return f"{place} has the key {shown(key)}: the keys of JSON objects are strings"
            if found := _find_misfit(item, f"{place}.{key}", inside):
                return found
        return None
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if found := _find_misfit(item, f"{place}[{index}]", inside):
                return found
        return None
    try:
        return _find_misfit(_as_json(value), place, inside)
    except (TypeError, ValueError):
        return (
            f"{place} is of type {type(value).__name__}, which is not a JSON value: give a dict, "
            "list, string, number, boolean, None, a pydantic model or a dataclass"
        )
