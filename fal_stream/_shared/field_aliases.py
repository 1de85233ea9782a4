"""The aliases of the fields of plain dataclasses in JSON, given by pydantic's `Field(alias=...)`.

pydantic uses these aliases too when it validates a plain dataclass, such as an `output_type`, or
serializes one.
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

# The exceptions that evaluating an annotation may raise.
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
    """Return the aliases of a dataclass's fields, by field name; fields without one are left out.

    Aliases come from `Annotated[str, Field(alias="from")]`, from a `Field` that is the default, and
    from the `alias_generator` of `__pydantic_config__`.
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
    """Return the names of the fields that an instance of a dataclass leaves out of its JSON.

    These are fields with `Field(exclude=True)`, or with an `exclude_if` that is true for the value.
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
            condition = getattr(info, "exclude_if", None)  # since pydantic 2.12
            if info.exclude or condition is not None:
                found.append((item.name, None if info.exclude else condition))
    return found


def rename_fields(
    dumped: Any, value: Any, wanted: bool = True, parents: tuple[int, ...] = ()
) -> None:
    """Rename the fields of models and dataclasses in a dump of pydantic, to their aliases or back.

    Pydantic dumps either all nested models by alias, or none. And it uses the aliases of a plain
    dataclass only in a field that is declared with this type, not in a field of type `Any`.

    Args:
        dumped: The dump, JSON values, which are changed.
        value: The value that was dumped.
        wanted: Whether to use aliases, unless the configuration of the model tells. Default True.
        parents: The ids of the containers around the value. Default: none.
    """
    if not isinstance(dumped, (dict, list)) or id(value) in parents or len(parents) > DEPTH:
        return
    inside = (*parents, id(value))
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
    """Return the aliases of a model or dataclass, by field name."""
    model: Any = type(value)
    if not is_pydantic_object(value):
        return aliases_of(model)
    if model.__pydantic_decorators__.model_serializers:
        return {}
    # Before pydantic 2.10, there is only `model_fields`.
    infos = getattr(model, "__pydantic_fields__", None) or getattr(model, "model_fields", {})
    aliases = ((name, info.serialization_alias) for name, info in infos.items())
    return {name: alias for name, alias in aliases if alias is not None and alias != name}


def _named(cls: type, item: dataclasses.Field[Any]) -> Iterator[str]:
    for info in _infos(cls, item):
        name = info.serialization_alias or info.alias
        if name is not None:
            yield name


def _infos(cls: type, item: dataclasses.Field[Any]) -> list[FieldInfo]:
    """Return pydantic's `Field` objects of a field."""
    infos: Any = (item.default, *getattr(_hint(cls, item), "__metadata__", ()))
    return [info for info in infos if is_model_field(info)]


def _hint(cls: type, item: dataclasses.Field[Any]) -> Any:
    """Return the type of a field; an annotation that is a string is evaluated."""
    if not isinstance(item.type, str):
        return item.type
    for owner in cls.__mro__:
        try:
            if item.name in inspect.get_annotations(owner):
                # One field at a time, because one unknown name makes `get_type_hints` fail.
                names = {"__annotations__": {item.name: item.type}, "__module__": owner.__module__}
                holder = type("_Holder", (), names)
                return typing.get_type_hints(holder, include_extras=True)[item.name]
        except _NO_HINT:  # an unknown name, or a string that is not an expression
            return None
    return None


def _generated(generator: Any, name: str) -> str | None:
    if hasattr(generator, "serialization_alias"):  # an AliasGenerator
        generator = generator.serialization_alias or generator.alias
    alias = generator(name) if callable(generator) else None
    return alias if isinstance(alias, str) else None
