"""Dump pydantic models that contain files to JSON values.

Promises: each field is dumped by its alias, as pydantic dumps it, serializers included, with
another value in the place of each file. If a serializer converts a file itself, to base64 for
example, its result is kept, and the value is not treated as a file. The same holds for bytes if
`ser_json_bytes` is `base64` or `hex`. A field with a list of models is dumped by its declared type.

Not here: which objects are files, and the rest of the input (`inputs.py`). The results of computed
fields aren't searched (see `computed_files.py`): they are dumped from the real values.

How: pydantic would write bytes and paths as text and read an open file line by line. So a field
with files in it is dumped from a copy of the model with placeholders in the place of the files. A
placeholder is dumped to a unique text, unless a serializer changes it. There are two kinds of
placeholders (`placeholders.py`): opaque ones, which no serializer can read, and ones with the types
of the files, by which pydantic chooses the right member of a union. Both are tried.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

import pydantic
from pydantic_core import PydanticSerializationError, to_jsonable_python

from .._signal_errors import raised_by_signal_handler
from .dump_check import check_aliases, check_dump
from .field_aliases import rename_fields
from .iterators import rewind, with_value
from .json_errors import equal_fields_error
from .placeholders import FileSwap, OpaquePlaceholder, Replaced, are_unchanged
from .value_tree import (
    DEPTH,
    LISTS,
    IsFile,
    declared_fields,
    files_among_fields,
    holds_file,
    is_dataclass,
    is_pydantic_object,
    list_of,
    pydantic_config_of,
)

EncodeFile: TypeAlias = Callable[[object, str], Any]
"""Is called with a file, or a model or dataclass that contains one, and with its place."""


def dump_model(model: Any, place: str, is_file: IsFile, encode_file: EncodeFile) -> Any:
    """Return a model as JSON values, with the results of `encode_file` in the places of its files.

    Args:
        model: A pydantic model or dataclass.
        place: The place of the value in the input, for messages.
        is_file: Tells whether a value is a file.
        encode_file: Returns the value to put in the place of a file.

    Raises:
        ValueError: pydantic can't dump the model.
        TypeError: The same, if the model overrides `model_dump`.
    """
    if not holds_file(model, is_file):
        return _dump(model, place)
    if type(model).__pydantic_decorators__.model_serializers:
        return _dump_by_serializer(model, place, is_file, encode_file)
    dumped: dict[str, Any] = {}
    done: set[str] = set()
    is_root = isinstance(model, pydantic.RootModel)
    for name, value in declared_fields(model).items():
        include = None if is_root else {name}
        field_place = place if is_root else f"{place}.{name}"
        swapped = _dump_swapped(model, name, value, field_place, is_file, include)
        if swapped is None:
            continue
        copied, found, replaced = swapped
        shape = _attempt(model, mode="python", include=include)
        named = _attempt(model, mode="python", include=include, by_alias=False)
        found = _with_aliases(found, shape, named)
        _finish(found, copied, place, include=include)
        # Dumped again, because pydantic's dump of an iterator can be read only once.
        shape = _attempt(model, mode="python", include=include)
        filled = _fill(found, shape, replaced, encode_file)
        if is_root:
            return filled
        if filled.keys() & dumped.keys():
            raise equal_fields_error(place)
        dumped.update(filled)
        done.add(name)
    rest = _dump(model, place, exclude=done)
    if is_root:
        return rest
    if rest.keys() & dumped.keys() and type(model).model_dump is pydantic.BaseModel.model_dump:
        raise equal_fields_error(place)
    return {**rest, **dumped}


def _dump_swapped(
    model: Any, name: str, value: Any, place: str, is_file: IsFile, include: set[str] | None
) -> tuple[Any, Any, Mapping[str, Replaced]] | None:
    """Dump a field with placeholders in the place of the files in it.

    Returns:
        The copy of the model with the placeholders, the dump, and the values that the placeholders
        replace; None if there is no file in the field, or a serializer has changed a placeholder.
    """
    here = files_among_fields(model, is_file)
    for look_inside in (True, False):
        best, has_copied = None, False
        for keep_types in (False, True):
            swap = FileSwap(is_file, here, keep_types=keep_types, look_inside=look_inside)
            swapped = swap.swapped(value, place)
            if not swap.replaced:
                return None
            has_copied = swap.has_copied
            copied = with_value(model, name, swapped)
            found = _attempt(copied, mode="json", include=include)
            best = (copied, found, swap.replaced) if are_unchanged(found, swap) else None
            if best is None:
                break
        if best is not None or not has_copied:
            return best
    return None


def find_culprit(value: Any, place: str, parents: tuple[int, ...] = ()) -> tuple[str, Any] | None:
    """Return the place and the value in a model that pydantic can't dump, or None.

    Args:
        value: The model, or a value in it.
        place: The place of the value in the input, for messages.
        parents: The ids of the containers around the value. Default: none.
    """
    if id(value) in parents or len(parents) > DEPTH:
        return None
    inside = (*parents, id(value))
    if is_pydantic_object(value):
        if isinstance(value, pydantic.RootModel):
            return find_culprit(value.root, place, inside)
        for name, part in declared_fields(value).items():
            rewind(part)
            if _attempt(value, mode="json", include={name}) is None:
                return find_culprit(part, f"{place}.{name}", inside)
        return None
    parts: Iterable[tuple[str, Any]]
    if isinstance(value, Mapping):
        for key in value:
            if _is_unknown({key: None}):
                return f"a key of {place}", key
        parts = ((f"{place}.{key}", part) for key, part in value.items())
    elif isinstance(value, LISTS):
        parts = ((f"{place}[{index}]", part) for index, part in enumerate(value))
    elif is_dataclass(value):
        parts = ((f"{place}.{name}", part) for name, part in declared_fields(value).items())
    else:
        return (place, value) if _is_unknown(value) else None
    found = (find_culprit(part, part_place, inside) for part_place, part in parts)
    return next((each for each in found if each is not None), None)


def dump_other(value: Any, place: str) -> Any:
    """Return a value in a model that isn't a JSON value, such as a date, as pydantic dumps it.

    Args:
        value: The value.
        place: The place of the value in the input, for messages.

    Raises:
        ConfigError: JSON would change the value.
        ValueError: pydantic can't dump the value.
        TypeError: pydantic can't dump the value.
    """
    try:
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(type(value))
    except pydantic.PydanticSchemaGenerationError as error:
        raise TypeError from error
    dumped = adapter.dump_python(value, mode="json", by_alias=True)
    check_dump(dumped, adapter.dump_python(value, by_alias=False), place, value)
    rename_fields(dumped, value)
    return dumped


def _is_unknown(value: object) -> bool:
    """Return whether pydantic can't dump a value."""
    try:
        to_jsonable_python(value)
    except (ValueError, TypeError):
        return True
    return False


def _attempt(
    model: Any,
    *,
    mode: str,
    include: set[str] | None,
    exclude: set[str] | None = None,
    by_alias: bool | None = None,
) -> Any:
    try:
        return _serialize(model, mode=mode, include=include, exclude=exclude, by_alias=by_alias)
    except (TypeError, ValueError, RecursionError) as error:
        # pydantic raises a ValueError if a serializer raises for a placeholder.
        if raised_by_signal_handler(error) is not None:
            raise
        return None


def _with_aliases(dumped: Any, shape: Any, named: Any) -> Any:
    """Return a dump with aliases in the place of field names.

    pydantic writes field names if a placeholder fits no member of a union.

    Args:
        dumped: The dump with placeholders, to JSON values.
        shape: The dump without placeholders, to Python's own types, by alias.
        named: The same, by field name.
    """
    if isinstance(dumped, dict):
        count = len(dumped)
        keys = list(dumped)
        shapes = _beside(shape.values() if isinstance(shape, Mapping) else None, count)
        names = _beside(named.values() if isinstance(named, Mapping) else None, count)
        if isinstance(shape, Mapping) and isinstance(named, Mapping) and keys == list(named):
            keys = [*shape] if len(shape) == count else keys
        return {
            key: _with_aliases(*beside)
            for key, *beside in zip(keys, dumped.values(), shapes, names, strict=True)
        }
    if isinstance(dumped, list):
        shapes, names = (_beside(list_of(each), len(dumped)) for each in (shape, named))
        return [_with_aliases(*each) for each in zip(dumped, shapes, names, strict=True)]
    return dumped


def _fill(
    dumped: Any, shape: Any, replaced: Mapping[str, Replaced], encode_file: EncodeFile
) -> Any:
    """Return a dump with the results of `encode_file` in the places of the placeholders.

    `shape` is the dump without placeholders, to Python's own types. It tells which fields of a
    model are dumped: in a field that is declared as its base class, only those of the base class.
    """
    if isinstance(dumped, dict):
        shapes = _beside(shape.values() if isinstance(shape, Mapping) else None, len(dumped))
        return {
            key: _fill(item, beside, replaced, encode_file)
            for (key, item), beside in zip(dumped.items(), shapes, strict=True)
        }
    if isinstance(dumped, list):
        shapes = _beside(list_of(shape), len(dumped))
        return [
            _fill(item, beside, replaced, encode_file)
            for item, beside in zip(dumped, shapes, strict=True)
        ]
    original = replaced.get(dumped) if isinstance(dumped, str) else None
    if original is None:
        return dumped
    taken = encode_file(original.value, original.place)
    # `encode_file` uses the aliases of a plain dataclass, which may not be those of the shape.
    if isinstance(taken, dict) and isinstance(shape, dict) and shape.keys() <= taken.keys():
        return {key: item for key, item in taken.items() if key in shape}
    return taken


def _beside(shapes: Any, count: int) -> list[Any]:
    found = [] if shapes is None else list(shapes)
    return found if len(found) == count else [None] * count


def _dump_by_serializer(model: Any, place: str, is_file: IsFile, encode_file: EncodeFile) -> Any:
    """Dump a model that has a serializer of its own."""
    given = _dump(model, place, mode="python")
    # pydantic dumps an open file to an iterator of lines.
    if holds_file(given, lambda value: is_file(value) or isinstance(value, Iterator)):
        return encode_file(given, place)
    return _dump(model, place)


def _dump(model: Any, place: str, *, mode: str = "json", exclude: set[str] | None = None) -> Any:
    if isinstance(model, pydantic.BaseModel):
        # Pass `exclude` only if needed: a model may override `model_dump` without this parameter.
        options: dict[str, Any] = {"exclude": exclude} if exclude else {}
        if _takes_by_alias(type(model).model_dump):
            options["by_alias"] = _by_alias(model)
        with _handlers_errors():
            dumped = model.model_dump(mode=mode, **options)
    else:
        dumped = _serialize(model, mode=mode, exclude=exclude)
    if mode == "json":
        _finish(dumped, model, place, exclude=exclude)
    return dumped


def _finish(
    dumped: Any,
    model: Any,
    place: str,
    *,
    include: set[str] | None = None,
    exclude: set[str] | None = None,
) -> None:
    """Check that a dump has the same content as the model, and add missing aliases."""
    meant = _attempt(model, mode="python", include=include, exclude=exclude, by_alias=False)
    if check_dump(dumped, meant, place, model):
        # Dumped again, because pydantic's dump of an iterator can be read only once.
        meant = _attempt(model, mode="python", include=include, exclude=exclude, by_alias=False)
        aliased = _attempt(model, mode="python", include=include, exclude=exclude)
        check_aliases(aliased, meant, place)
    rename_fields(dumped, model)


def _by_alias(model: Any) -> bool:
    """Return whether to dump a model by alias: unless its configuration says otherwise."""
    return pydantic_config_of(model).get("serialize_by_alias") is not False


@lru_cache(256)
def _takes_by_alias(method: Callable[..., Any]) -> bool:
    parameters = inspect.signature(method).parameters.values()
    return any(each.name == "by_alias" or each.kind is each.VAR_KEYWORD for each in parameters)


def _serialize(
    model: Any,
    *,
    mode: str,
    include: set[str] | None = None,
    exclude: set[str] | None = None,
    by_alias: bool | None = None,
) -> Any:
    with _handlers_errors():
        return model.__pydantic_serializer__.to_python(
            model,
            mode=mode,
            include=include,
            exclude=exclude,
            by_alias=_by_alias(model) if by_alias is None else by_alias,
            warnings=False,
            fallback=_text_of if mode == "json" else None,
        )


@contextmanager
def _handlers_errors() -> Iterator[None]:
    """Raise an exception that a signal handler has raised in a serializer unchanged.

    pydantic wraps each exception in one of its own, even a signal handler's.
    """
    try:
        yield
    except PydanticSerializationError as error:
        cause = error.__cause__
        is_serializers = isinstance(cause, Exception) and raised_by_signal_handler(cause) is None
        if cause is None or is_serializers:
            raise
        failure = cause
    else:
        return
    raise failure


def _text_of(value: object) -> str:
    if isinstance(value, OpaquePlaceholder):
        return value.text
    raise TypeError(f"{type(value).__name__} is not a JSON value")
