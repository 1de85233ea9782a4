"""Lists in the place of the iterators in a model, which give their values once only.

Pydantic dumps a generator, and the field of a type `Iterable[...]`, by reading it to its end, so
that nothing is left to be compared with what was written.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from types import GeneratorType
from typing import Any

import pydantic

from ..errors import ConfigError
from .value_tree import (
    DEPTH,
    LISTS,
    IsFile,
    declared_fields,
    holds_file,
    inner_values,
    is_dataclass,
    is_pydantic_object,
)

__all__ = ["IteratorReader", "ReadIterator", "rewind", "with_value"]


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


class IteratorReader:
    """Reads the iterators in the models of one input.

    Args:
        is_file: Tells whether a value is a file; one that is open is an iterator, too.
    """

    def __init__(self, is_file: IsFile) -> None:
        self._is_file = is_file
        # By id, with the iterators themselves, so that no other one gets their id.
        self._known: dict[int, tuple[Any, ReadIterator]] = {}

    def read(self, model: Any, place: str) -> Any:
        """Return a model without iterators that could be read once only.

        Args:
            model: A model, or a dataclass of pydantic's; it is not changed, but its iterators are
                read. One that stands in the input twice is read once.
            place: Where it stands.

        Returns:
            The model, or a copy of it in which each iterator is a `ReadIterator`.

        Raises:
            ConfigError: An iterator has been read to its end before: by another stream, say.
        """
        return self._read(model, place, ())

    def _is_iterator(self, value: object) -> bool:
        return isinstance(value, Iterator) and not self._is_file(value)

    def _read(self, value: Any, place: str, around: tuple[int, ...]) -> Any:
        if not holds_file(value, self._is_iterator, around=around):
            return value
        inside = (*around, id(value))
        if isinstance(value, Mapping):
            return {key: self._read(item, f"{place}.{key}", inside) for key, item in value.items()}
        if isinstance(value, LISTS):
            items = [
                self._read(item, f"{place}[{index}]", inside) for index, item in enumerate(value)
            ]
            return type(value)(items) if type(value) in LISTS else items
        if is_pydantic_object(value) or is_dataclass(value):
            for name, item in declared_fields(value).items():
                item_place = place if _is_root(value) else f"{place}.{name}"
                read = self._read(item, item_place, inside)
                if read is not item:
                    value = with_value(value, name, read)
            return value
        return self._read_iterator(value, place, inside)

    def _read_iterator(self, value: Any, place: str, inside: tuple[int, ...]) -> ReadIterator:
        _, known = self._known.get(id(value), (None, None))
        if known is None:
            may_be_read = _may_be_read(value)
            known = ReadIterator(
                self._read(item, f"{place}[{index}]", inside) for index, item in enumerate(value)
            )
            if may_be_read and not known:
                raise ConfigError(
                    f"{place} is an iterator that has been read before, or is empty: give a list"
                )
            self._known[id(value)] = value, known
        return ReadIterator(known)


def _may_be_read(value: Any) -> bool:
    """Return whether an iterator may have been read before, by us or by the caller."""
    if isinstance(value, GeneratorType):
        return value.gi_frame is None
    # What pydantic makes of an iterator in a field of the type `Iterable` counts its values.
    return bool(getattr(value, "index", True))


def _is_root(value: object) -> bool:
    return isinstance(value, pydantic.RootModel)


def with_value(model: Any, name: str, value: Any) -> Any:
    """Return a copy of a model or dataclass with another value in one field, without validation."""
    copied = copy.copy(model)
    if not isinstance(copied, pydantic.BaseModel):
        object.__setattr__(copied, name, value)
    elif name in type(copied).model_fields:
        vars(copied)[name] = value
    else:
        (copied.__pydantic_extra__ or {})[name] = value
    return copied


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
    for item in inner_values(value) or ():
        rewind(item, (*around, id(value)))
