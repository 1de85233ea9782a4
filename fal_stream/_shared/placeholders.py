"""Placeholders for the files in a model while the model is dumped.

Promises: pydantic dumps each one to a unique text, unless a serializer changes it. A serializer
that reads a file raises an error instead of reading the placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from .._signal_errors import raised_by_signal_handler
from .iterators import ReadIterator, with_value
from .value_tree import (
    LISTS,
    IsFile,
    declared_fields,
    files_among_fields,
    holds_file,
    is_dataclass,
    is_pydantic_object,
)

__all__ = ["FileSwap", "OpaquePlaceholder", "Replaced", "are_unchanged"]

# The texts of placeholders.
_TEXT = re.compile(r"\0[0-9a-f]+\.[0-9]+\0")


class OpaquePlaceholder:
    """A placeholder for a file, or for a model with files."""

    # Without slots, pydantic would treat it as a model without fields.
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    @property
    def root(self) -> OpaquePlaceholder:
        """The placeholder itself: pydantic 2.7 reads `root` in a field of a `RootModel` type."""
        return self


class Replaced(NamedTuple):
    """The value that a placeholder replaces.

    Attributes:
        value: A file, or a model or dataclass that contains one.
        place: The place of the value in the input, for messages.
    """

    value: Any
    place: str


class FileSwap:
    """Replaces the files in a field by placeholders.

    Args:
        is_file: Tells whether a value is a file.
        here: Tells the same for fields of the model that the value is in.
        keep_types: Whether placeholders for bytes are bytes, and those for paths are paths, so that
            pydantic chooses the member of a union that fits. Default False: they are opaque.
        look_inside: Whether each file in a plain dataclass, or in a model with a serializer of its
            own, gets a placeholder. Default False: the dataclass or model gets one.

    Attributes:
        replaced: The replaced values, by the texts of their placeholders.
        has_copied: Whether a dataclass or model was copied to put placeholders into it.
        needed: The texts of the placeholders in dataclasses, all of which have to be dumped.
    """

    def __init__(
        self,
        is_file: IsFile,
        here: IsFile,
        *,
        keep_types: bool = False,
        look_inside: bool = False,
    ) -> None:
        self.replaced: dict[str, Replaced] = {}
        self._is_file = is_file
        self._here = here
        self._keep_types = keep_types
        self._look_inside = look_inside
        self.has_copied: bool = False
        self.needed: set[str] = set()

    def swapped(self, value: Any, place: str, parents: tuple[int, ...] = ()) -> Any:
        """Return the value with placeholders, or the value itself if it contains no file."""
        if not holds_file(value, self._is_file, self._here, parents):
            return value
        kind: Any = type(value)
        inside = (*parents, id(value))
        if isinstance(value, Mapping):
            return {
                key: self.swapped(item, f"{place}.{key}", inside) for key, item in value.items()
            }
        if isinstance(value, LISTS):
            items = [
                self.swapped(item, f"{place}[{index}]", inside) for index, item in enumerate(value)
            ]
            if isinstance(value, tuple):
                return tuple.__new__(kind, items)  # a named tuple takes its items as arguments
            return kind(items) if kind in LISTS or kind is ReadIterator else items
        if self._look_inside and _is_dumped_inside(value):
            copied = self._copied(value, place, inside)
            if copied is not None:
                return copied
        text = f"\0{id(self):x}.{len(self.replaced)}\0"
        self.replaced[text] = Replaced(value, place)
        if self._keep_types and isinstance(value, bytes):
            return _guarded(bytes)(text.encode())
        if self._keep_types and kind.__module__.partition(".")[0] == "pathlib":
            placeholder = object.__new__(_guarded(kind))
            vars(placeholder)["text"] = text
            return placeholder
        return OpaquePlaceholder(text)

    def _copied(self, value: Any, place: str, parents: tuple[int, ...]) -> Any:
        """Return a copy with placeholders in its fields, or None if it can't be copied."""
        around_here, self._here = self._here, files_among_fields(value, self._is_file)
        known = set(self.replaced)
        try:
            copied = value
            for name, part in declared_fields(value).items():
                swapped = self.swapped(part, f"{place}.{name}", parents)
                if swapped is not part:
                    copied = with_value(copied, name, swapped)
        except (TypeError, AttributeError) as error:
            if raised_by_signal_handler(error) is not None:
                raise
            return None
        finally:
            self._here = around_here
        self.has_copied = True
        if not is_pydantic_object(value):
            self.needed |= self.replaced.keys() - known
        return copied


def _is_dumped_inside(value: object) -> bool:
    """Return whether the placeholders have to be in the fields of a value.

    pydantic dumps a plain dataclass by the declared type of its field, and a model's own serializer
    reads the fields of the model.
    """
    if is_pydantic_object(value):
        kind: Any = type(value)
        return bool(kind.__pydantic_decorators__.model_serializers)
    return is_dataclass(value)


def are_unchanged(dumped: object, swap: FileSwap) -> bool:
    """Return whether placeholders are in the dump, and none of them was changed.

    All placeholders in dataclasses have to be there; a serializer may have left out others.
    """
    replaced = swap.replaced
    texts = set(_texts(dumped))
    others = "\n".join(texts - replaced.keys())
    are_there = swap.needed <= texts and not texts.isdisjoint(replaced)
    return are_there and replaced.keys().isdisjoint(_TEXT.findall(others))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            # Marked by a colon, because a placeholder that became a key can't be replaced.
            yield f"{key}:"
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _refuse(*_: object) -> NoReturn:
    raise TypeError("a serializer looks into a file")


def _attribute(placeholder: object, name: str) -> Any:
    if name.startswith("__"):
        return object.__getattribute__(placeholder, name)
    raise TypeError(f"a serializer asks a file for {name}")


# pydantic itself only reads the bytes, or calls `str` of a path; a serializer must not read more.
_GUARDS: dict[str, Any] = {
    "__getattribute__": _attribute,
    "__bool__": lambda _: True,
    "__eq__": object.__eq__,
    "__ne__": object.__ne__,
    "__hash__": object.__hash__,
    "__format__": lambda placeholder, _: str(placeholder),
} | dict.fromkeys(
    (
        "__add__",
        "__bytes__",
        "__contains__",
        "__fspath__",
        "__ge__",
        "__getitem__",
        "__gt__",
        "__iter__",
        "__le__",
        "__len__",
        "__lt__",
        "__mod__",
        "__mul__",
        "__repr__",
        "__rmul__",
        "__rtruediv__",
        "__truediv__",
    ),
    _refuse,
)


@lru_cache(16)
def _guarded(kind: Any) -> Any:
    """Return a class of placeholders that is a subclass of a file's type, but can't be read."""
    text = _text_of_bytes if kind is bytes else _text_of_path
    return type("_Placeholder", (kind,), {**_GUARDS, "__str__": text})


def _text_of_bytes(placeholder: bytes) -> str:
    return bytes.decode(placeholder)


def _text_of_path(placeholder: Any) -> str:
    text: str = vars(placeholder)["text"]
    return text
