"""The names of the fields of plain dataclasses in JSON, as given by pydantic's `Field(alias=...)`.

pydantic validates and serializes plain dataclasses by these names too, as for an `output_type`.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .._checks import is_model_field
from .value_tree import (
    DEPTH,
    LISTS,
    declared_fields,
    is_dataclass,
    is_pydantic_object,
    pydantic_config_of,
)

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["aliases_of", "excluded_of", "rename_fields"]

# What reading the annotation of a field raises, by what may stand there.
_NO_HINT = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    SyntaxError,
    TypeError,
    ValueError,
)


@lru_cache(256)
def aliases_of(cls: type) -> Mapping[str, str]:
    """Return the names in JSON of a dataclass's fields that have another one.

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


def excluded_of(value: object) -> Sequence[str]:
    """Return the names of the fields that a dataclass leaves out of its JSON.

    Args:
        value: The dataclass: an instance.

    Returns:
        The names in Python, of `Annotated[str, Field(exclude=True)]` and of an `exclude_if` that
        is true of the field's value.
    """
    kind: type = type(value)
    return [
        name
        for name, condition in _exclusions(kind)
        if condition is None or (hasattr(value, name) and condition(getattr(value, name)))
    ]


@lru_cache(256)
def _exclusions(cls: type) -> Sequence[tuple[str, Callable[[Any], bool] | None]]:
    found = []
    for item in dataclasses.fields(cls):
        for info in _infos(cls, item):
            condition = getattr(info, "exclude_if", None)  # of pydantic 2.12 and later
            if info.exclude or condition is not None:
                found.append((item.name, None if info.exclude else condition))
    return found


def rename_fields(
    dumped: Any, value: Any, wanted: bool = True, around: tuple[int, ...] = ()
) -> None:
    """Return the fields of models and dataclasses their names in what pydantic has dumped.

    Pydantic dumps all models in one by alias, or none. And the aliases of a plain dataclass are
    those that a field has which is declared to hold it: in a field of type Any, it takes the names
    of Python.

    Args:
        dumped: JSON values; they are changed.
        value: What was dumped.
        wanted: Whether it is written by alias, if it doesn't say so itself. Default True.
        around: The ids of what the value is in. Default: nothing.
    """
    if not isinstance(dumped, (dict, list)) or id(value) in around or len(around) > DEPTH:
        return
    inside = (*around, id(value))
    pairs: Iterable[tuple[Any, Any]] = ()
    names: Mapping[str, str] = {}
    if isinstance(value, enum.Enum):
        pairs = [(dumped, value.value)]
    elif is_pydantic_object(value) or is_dataclass(value):
        wanted = bool(pydantic_config_of(value).get("serialize_by_alias", wanted))
        parts = declared_fields(value)
        if not isinstance(dumped, dict) or parts.keys() == {"root"}:
            pairs = [(dumped, part) for part in parts.values()]
        else:
            aliases = _aliases_in(dumped, value)
            pairs = [
                (dumped[key], part)
                for name, part in parts.items()
                if (key := aliases.get(name, name)) in dumped or (key := name) in dumped
            ]
            names = aliases if wanted else {alias: name for name, alias in aliases.items()}
    elif isinstance(value, Mapping) and isinstance(dumped, dict) and len(value) == len(dumped):
        pairs = zip(dumped.values(), value.values(), strict=True)
    elif isinstance(value, LISTS) and isinstance(dumped, list) and len(value) == len(dumped):
        pairs = zip(dumped, value, strict=True)
    for text, part in pairs:
        if isinstance(text, (dict, list)):
            rename_fields(text, part, wanted, inside)
    if isinstance(dumped, dict) and not names.keys().isdisjoint(dumped):
        items = [(names.get(name, name), part) for name, part in dumped.items()]
        if len(dict(items)) == len(dumped):
            dumped.clear()
            dumped.update(items)


def _aliases_in(dumped: Mapping[str, Any], value: Any) -> Mapping[str, str]:
    """Return the aliases of a model or dataclass by the names of their fields."""
    model: Any = type(value)
    if not is_pydantic_object(value):
        return aliases_of(model)
    if model.__pydantic_decorators__.model_serializers:
        return {}
    # A model of pydantic before 2.10 has the other name only.
    infos = getattr(model, "__pydantic_fields__", None) or getattr(model, "model_fields", {})
    aliases = ((name, info.serialization_alias) for name, info in infos.items())
    return {name: alias for name, alias in aliases if alias is not None and alias != name}


def _named(cls: type, item: dataclasses.Field[Any]) -> Iterator[str]:
    for info in _infos(cls, item):
        name = info.serialization_alias or info.alias
        if name is not None:
            yield name


def _infos(cls: type, item: dataclasses.Field[Any]) -> list[FieldInfo]:
    """Return what `Field` of pydantic says of a field."""
    infos: Any = (item.default, *getattr(_hint(cls, item), "__metadata__", ()))
    return [info for info in infos if is_model_field(info)]


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
        except _NO_HINT:  # a name that isn't there, or any other text
            return None
    return None


def _generated(generator: Any, name: str) -> str | None:
    if hasattr(generator, "serialization_alias"):  # an AliasGenerator
        generator = generator.serialization_alias or generator.alias
    alias = generator(name) if callable(generator) else None
    return alias if isinstance(alias, str) else None
