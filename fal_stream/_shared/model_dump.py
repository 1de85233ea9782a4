"""Dump pydantic models that hold files as JSON values.

Promises: each field is dumped by its alias, as pydantic dumps it, serializers included, with
something else in place of the files. A serializer that makes something of a file itself (base64,
say) has its way: that is no file then. So it is with bytes where `ser_json_bytes` is `base64` or
`hex`. A field that lists models is dumped by what it is declared to hold.

Elsewhere: which objects are files, and everything around the models (`inputs.py`). The results of
computed fields aren't searched: they are dumped as ever, from the real values.

How: pydantic would write bytes and paths as text and read an open file line by line. So a field
with files in it is dumped from a copy of the model with placeholders in place of the files. A
placeholder comes out as a text of its own, unless a serializer did something else with it. It is
done with two kinds of placeholders (`placeholders.py`): ones of no type, into which no serializer
can look, and ones of the files' types, by which pydantic takes the right member of a union.
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
"""Is called with a file, or a model or dataclass that holds one, and with its place."""


def dump_model(model: Any, place: str, is_file: IsFile, encode_file: EncodeFile) -> Any:
    """Dump a model as JSON values, except for the files in it.

    Args:
        model: A model, or a dataclass of pydantic's.
        place: Where it stands, for messages.
        is_file: Tells whether a value is a file.
        encode_file: Gives what stands in the result instead.

    Returns:
        JSON values, with those of `encode_file` in them.

    Raises:
        ValueError: Pydantic can't dump it.
        TypeError: So it is with a `model_dump` of the model's own.
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
        # Once more, as what pydantic makes of an iterator can be read once.
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
        The copy of the model with the placeholders, what came out, and what the placeholders stand
        for; None where there is no file in the field, or a serializer did something else with it.
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


def find_culprit(value: Any, place: str, around: tuple[int, ...] = ()) -> tuple[str, Any] | None:
    """Find what pydantic can't dump in a model that it can't dump.

    Args:
        value: The model, or what is in it.
        place: Where it stands, for messages.
        around: The ids of what it is in. Default: nothing.

    Returns:
        Where it is, and what; None where it isn't found.
    """
    if id(value) in around or len(around) > DEPTH:
        return None
    inside = (*around, id(value))
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
    """Dump what stands in a model and is no JSON, as pydantic does it.

    Args:
        value: The value: a date, an enum or the like.
        place: Where it stands.

    Returns:
        JSON values.

    Raises:
        ConfigError: JSON would change it.
        ValueError: Pydantic can't dump it.
        TypeError: The same.
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
        # What a serializer raises that is given a placeholder, pydantic makes a ValueError.
        if raised_by_signal_handler(error) is not None:
            raise
        return None


def _with_aliases(dumped: Any, shape: Any, named: Any) -> Any:
    """Return what was dumped by alias where pydantic has written the names of Python.

    It does where a placeholder fits no member of a union.

    Args:
        dumped: JSON values, with placeholders.
        shape: The same without placeholders, in Python's own types.
        named: The same by the names of Python.
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
    """Put what `encode_file` gives into the place of the placeholders.

    The shape is the same without placeholders, in Python's own types. It tells which fields of a
    model are dumped: where it stands in for its base class, only those of the base.
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
    # Where a plain dataclass has aliases, it was taken by other names.
    if isinstance(taken, dict) and isinstance(shape, dict) and shape.keys() <= taken.keys():
        return {key: item for key, item in taken.items() if key in shape}
    return taken


def _beside(shapes: Any, count: int) -> list[Any]:
    found = [] if shapes is None else list(shapes)
    return found if len(found) == count else [None] * count


def _dump_by_serializer(model: Any, place: str, is_file: IsFile, encode_file: EncodeFile) -> Any:
    """Dump a model whose own serializer decides what its fields are."""
    given = _dump(model, place, mode="python")
    # To pydantic an open file is an iterator of lines.
    if holds_file(given, lambda value: is_file(value) or isinstance(value, Iterator)):
        return encode_file(given, place)
    return _dump(model, place)


def _dump(model: Any, place: str, *, mode: str = "json", exclude: set[str] | None = None) -> Any:
    if isinstance(model, pydantic.BaseModel):
        # Without `exclude` where there is none: a model may have a `model_dump` of its own.
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
    """Check that what was dumped says what the model does, and name what pydantic didn't."""
    meant = _attempt(model, mode="python", include=include, exclude=exclude, by_alias=False)
    if check_dump(dumped, meant, place, model):
        # Once more, as what pydantic makes of an iterator can be read once.
        meant = _attempt(model, mode="python", include=include, exclude=exclude, by_alias=False)
        aliased = _attempt(model, mode="python", include=include, exclude=exclude)
        check_aliases(aliased, meant, place)
    rename_fields(dumped, model)


def _by_alias(model: Any) -> bool:
    """Return whether a model is written by alias: unless its configuration says otherwise."""
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
    """Let pass what is no error of a serializer, but was raised while one ran.

    Pydantic makes an error of its own of each exception, also of one of a signal handler.
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
