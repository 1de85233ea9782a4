"""What the fields of plain dataclasses are called in JSON, where pydantic's `Field` says it.

Pydantic reads and writes a dataclass of Python's own by these names, too, as for an `output_type`.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .._checks import is_model_field

__all__ = ["aliases_of"]


@lru_cache(256)
def aliases_of(cls: type) -> Mapping[str, str]:
    """Return the names in JSON of a dataclass's fields that have another one.

    Args:
        cls: The dataclass.

    Returns:
        The names by those in Python: of `Annotated[str, Field(alias="from")]`, of a `Field` that
        is the default, and of the `alias_generator` of its `__pydantic_config__`.
    """
    config = getattr(cls, "__pydantic_config__", None) or {}
    generated = config.get("alias_generator")
    aliases = {}
    for item in dataclasses.fields(cls):
        alias = next(_named(cls, item), None) or _generated(generated, item.name)
        if alias is not None:
            aliases[item.name] = alias
    return aliases


def _named(cls: type, item: dataclasses.Field[Any]) -> Iterator[str]:
    infos: Any = (item.default, *getattr(_hint(cls, item), "__metadata__", ()))
    for info in infos:
        if is_model_field(info):
            name = info.serialization_alias or info.alias
            if name is not None:
                yield name


def _hint(cls: type, item: dataclasses.Field[Any]) -> Any:
    """Return the type of a field, which may be a text."""
    if not isinstance(item.type, str):
        return item.type
    for owner in cls.__mro__:
        try:
            if item.name in inspect.get_annotations(owner):
                # One by one, as a name that isn't there spoils them all.
                names = {"__annotations__": {item.name: item.type}, "__module__": owner.__module__}
                holder = type("_Holder", (), names)
                return typing.get_type_hints(holder, include_extras=True)[item.name]
        except Exception:  # a name that isn't there, or any other text
            return None
    return None


def _generated(generator: Any, name: str) -> str | None:
    if hasattr(generator, "serialization_alias"):  # an AliasGenerator
        generator = generator.serialization_alias or generator.alias
    alias = generator(name) if callable(generator) else None
    return alias if isinstance(alias, str) else None
