"""The names of the fields of plain dataclasses in JSON, as given by pydantic's `Field(alias=...)`.

pydantic validates and serializes plain dataclasses by these names too, as for an `output_type`.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .._checks import is_model_field
from .file_search import DEPTH, LISTS, declared_fields, is_dataclass, is_model

__all__ = ["aliases_of", "rename_dataclasses"]


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


def rename_dataclasses(dumped: Any, value: Any, around: tuple[int, ...] = ()) -> None:
    """Return the fields of plain dataclasses their names in what pydantic has dumped.

    Pydantic does it itself where a field is declared to hold the dataclass. In a field of type
    Any, it takes the names of Python.

    Args:
        dumped: JSON values; they are changed.
        value: What was dumped.
        around: The ids of what the value is in. Default: nothing.
    """
    if not isinstance(dumped, (dict, list)) or id(value) in around or len(around) > DEPTH:
        return
    inside = (*around, id(value))
    if is_model(value):
        model: Any = type(value)
        # A model of pydantic before 2.10 has the other name only.
        infos = getattr(model, "__pydantic_fields__", None) or getattr(model, "model_fields", {})
        for name, part in declared_fields(value).items():
            alias = getattr(infos.get(name), "serialization_alias", None)
            if not isinstance(dumped, dict) or name == "root":
                rename_dataclasses(dumped, part, inside)
            elif (key := alias if alias in dumped else name) in dumped:
                rename_dataclasses(dumped[key], part, inside)
    elif is_dataclass(value) and isinstance(dumped, dict):
        parts = declared_fields(value)
        for name in parts.keys() & dumped.keys():
            rename_dataclasses(dumped[name], parts[name], inside)
        cls: type = type(value)
        aliases = aliases_of(cls)
        if aliases and dumped.keys() == parts.keys():
            items = [(aliases.get(name, name), part) for name, part in dumped.items()]
            dumped.clear()
            dumped.update(items)
    elif isinstance(value, Mapping) and isinstance(dumped, dict) and len(value) == len(dumped):
        for text, part in zip(dumped.values(), value.values(), strict=True):
            rename_dataclasses(text, part, inside)
    elif isinstance(value, LISTS) and isinstance(dumped, list) and len(value) == len(dumped):
        for text, part in zip(dumped, value, strict=True):
            if isinstance(text, (dict, list)):
                rename_dataclasses(text, part, inside)


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
