"""Find files in the computed fields of models, which pydantic would write as text.

They can't be uploaded like files in other fields: pydantic dumps the value that the property
returns, so a URL can't take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from .._signal_errors import raised_by_signal_handler
from ..errors import ConfigError
from .value_tree import (
    DEPTH,
    LISTS,
    IsFile,
    declared_fields,
    files_among_fields,
    holds_file,
    is_dataclass,
    is_pydantic_object,
)

__all__ = ["check_computed"]

# Return types that can't be a file, so the computed field is not evaluated.
_PLAIN = (str, int, float, bool, None, type(None))


def check_computed(value: Any, place: str, is_file: IsFile, parents: tuple[int, ...] = ()) -> None:
    """Check that no computed field of a model, or of a nested one, is a file.

    Args:
        value: The model, or a value in it.
        place: The place of the value in the input, for messages.
        is_file: Tells whether a value is a file.
        parents: The ids of the containers around the value. Default: none.

    Raises:
        ConfigError: One is, and no serializer converts it.
    """
    if id(value) in parents or len(parents) > DEPTH:
        return
    items: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        items = ((f"{place}.{key}", item) for key, item in value.items() if _may_hold(item))
    elif isinstance(value, LISTS):
        parts = enumerate(value)
        items = ((f"{place}[{index}]", item) for index, item in parts if _may_hold(item))
    elif is_pydantic_object(value) or is_dataclass(value):
        if is_pydantic_object(value):
            _check_fields(value, place, is_file)
        fields = declared_fields(value)
        is_root = fields.keys() == {"root"}
        items = ((place if is_root else f"{place}.{name}", part) for name, part in fields.items())
    inside = (*parents, id(value))
    for item_place, item in items:
        check_computed(item, item_place, is_file, inside)


def _may_hold(value: object) -> bool:
    return value is not None and not isinstance(value, (str, int, float, bytes))


def _check_fields(model: Any, place: str, is_file: IsFile) -> None:
    decorators = type(model).__pydantic_decorators__
    here = files_among_fields(model, is_file)
    for name, decorator in decorators.computed_fields.items():
        if decorator.info.return_type in _PLAIN:
            continue
        try:
            value = getattr(model, name)
        except Exception as error:
            if raised_by_signal_handler(error) is not None:
                raise
            continue  # pydantic will raise the exception when it dumps the model
        if not holds_file(value, is_file, here):
            continue
        serialized = (
            field for each in decorators.field_serializers.values() for field in each.info.fields
        )
        if name not in serialized and _is_as_it_is(model, name, value):
            raise ConfigError(
                f"{place}.{name} is a computed field with a file in it ({type(value).__name__}), "
                "which would be sent as text: only files in other fields are uploaded; give it in "
                "one of these, or return text"
            )


def _is_as_it_is(model: Any, name: str, value: Any) -> bool:
    """Return whether pydantic dumps a file as it dumps any object of this type, or can't."""
    if isinstance(value, Iterator):
        return True  # an open file, whose lines pydantic would write
    dumped = _or_none(
        lambda: model.__pydantic_serializer__.to_python(
            model, mode="json", include={name}, warnings=False
        )
    )
    made = _or_none(lambda: to_jsonable_python(value))
    return dumped is None or (isinstance(dumped, dict) and made in dumped.values())


def _or_none(dump: Callable[[], Any]) -> Any:
    try:
        return dump()
    except (TypeError, ValueError) as error:
        if raised_by_signal_handler(error) is not None:
            raise
        return None
