"""Replace the iterators in a model, which can be read only once, by lists.

Pydantic dumps a generator, and a field of a type `Iterable[...]`, by reading it to its end. Then
nothing is left to compare with the dump.
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
    """The items of an iterator: a list, and for pydantic an iterator that restarts at its end."""

    _place = 0

    def __next__(self) -> Any:
        if self._place == len(self):
            self._place = 0
            raise StopIteration
        self._place += 1
        return self[self._place - 1]

    def rewind(self) -> None:
        """Restart the iteration."""
        self._place = 0


class IteratorReader:
    """Reads the iterators in the models of one input.

    Args:
        is_file: Tells whether a value is a file; an open file is an iterator, too.
    """

    def __init__(self, is_file: IsFile) -> None:
        self._is_file = is_file
        # By id; the iterators themselves are kept, so that their ids are not used again.
        self._known: dict[int, tuple[Any, ReadIterator]] = {}

    def read(self, model: Any, place: str) -> Any:
        """Return a model without iterators that can be read only once.

        Args:
            model: A pydantic model or dataclass. It is not changed, but its iterators are read. One
                that occurs twice in the input is read once.
            place: The place of the value in the input, for messages.

        Returns:
            The model, or a copy of it in which each iterator is a `ReadIterator`.

        Raises:
            ConfigError: An iterator was read to its end before, by another stream for example.
        """
        return self._read(model, place, ())

    def _is_iterator(self, value: object) -> bool:
        return isinstance(value, Iterator) and not self._is_file(value)

    def _read(self, value: Any, place: str, parents: tuple[int, ...]) -> Any:
        if not holds_file(value, self._is_iterator, parents=parents):
            return value
        inside = (*parents, id(value))
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
    # pydantic wraps an iterator in a field of the type `Iterable`, and counts its items in `index`.
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


def rewind(value: Any, parents: tuple[int, ...] = ()) -> None:
    """Restart each `ReadIterator`, after pydantic has failed in the middle of one.

    Args:
        value: A `ReadIterator`, or a value that may contain one.
        parents: The ids of the containers around the value. Default: none.
    """
    if id(value) in parents or len(parents) > DEPTH:
        return
    if isinstance(value, ReadIterator):
        value.rewind()
    for item in inner_values(value) or ():
        rewind(item, (*parents, id(value)))
