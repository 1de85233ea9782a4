"""Lists in the place of the iterators in a model, which give their values once only.

Pydantic dumps a generator, and the field of a type `Iterable[...]`, by reading it to its end, so
that nothing is left to be compared with what was written.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pydantic

from .file_search import DEPTH, LISTS, IsFile, declared_fields, holds_file, is_dataclass, is_model

__all__ = ["ReadIterator", "read_iterators", "rewind", "with_value"]


class ReadIterator(list[Any]):
    """What an iterator gave: a list, and for pydantic an iterator that begins anew at its end."""

    _place = 0

    def __next__(self) -> Any:
        if self._place == len(self):
            self._place = 0
            raise StopIteration
        self._place += 1
        return self[self._place - 1]

    def rewind(self) -> None:
        """Begin anew."""
        self._place = 0


def read_iterators(model: Any, is_file: IsFile) -> Any:
    """Return a model without iterators that could be read once only.

    Args:
        model: A model, or a dataclass of pydantic's; it is not changed, but its iterators are read.
        is_file: Tells whether a value is a file; one that is open is an iterator, too.

    Returns:
        The model, or a copy of it in which each iterator is a `ReadIterator`.
    """

    def is_iterator(value: object) -> bool:
        return isinstance(value, Iterator) and not is_file(value)

    return _read(model, is_iterator, ())


def _read(value: Any, is_iterator: IsFile, around: tuple[int, ...]) -> Any:
    if not holds_file(value, is_iterator, around=around):
        return value
    inside = (*around, id(value))
    if isinstance(value, Mapping):
        return {key: _read(item, is_iterator, inside) for key, item in value.items()}
    if isinstance(value, LISTS):
        items = [_read(item, is_iterator, inside) for item in value]
        return type(value)(items) if type(value) in LISTS else items
    if is_model(value) or is_dataclass(value):
        for name, item in declared_fields(value).items():
            read = _read(item, is_iterator, inside)
            if read is not item:
                value = with_value(value, name, read)
        return value
    return ReadIterator(_read(item, is_iterator, inside) for item in value)


def with_value(model: Any, name: str, value: Any) -> Any:
    """Return a copy of a model or dataclass with another value in one field, without validation."""
    twin = copy.copy(model)
    if not isinstance(twin, pydantic.BaseModel):
        object.__setattr__(twin, name, value)
    elif name in type(twin).model_fields:
        vars(twin)[name] = value
    else:
        (twin.__pydantic_extra__ or {})[name] = value
    return twin


def rewind(value: Any, around: tuple[int, ...] = ()) -> None:
    """Have each `ReadIterator` begin anew, where pydantic has failed in the middle of one.

    Args:
        value: A `ReadIterator`, or what may hold one.
        around: The ids of what the value is in. Default: nothing.
    """
    if id(value) in around or len(around) > DEPTH:
        return
    if isinstance(value, ReadIterator):
        value.rewind()
    items: Iterable[Any] = ()
    if isinstance(value, Mapping):
        items = value.values()
    elif isinstance(value, LISTS):
        items = value
    elif is_model(value) or is_dataclass(value):
        items = declared_fields(value).values()
    for item in items:
        rewind(item, (*around, id(value)))
