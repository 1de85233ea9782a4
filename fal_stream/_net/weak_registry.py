"""A set of objects, held by weak references.

There is no lock, so that a signal handler can iterate over it at any time: each step is a single
operation on a dictionary, which the interpreter doesn't interrupt.
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

T = TypeVar("T")


class _Reference(weakref.ref[T]):
    """A weak reference that knows its key in the registry."""

    __slots__ = ("key",)

    key: int


class WeakRegistry(Generic[T]):
    """A set of weak references; adding and removing take constant time."""

    __slots__ = ("_forget", "_references")

    def __init__(self) -> None:
        references: dict[int, _Reference[T]] = {}

        def forget(reference: weakref.ref[T]) -> None:
            assert isinstance(reference, _Reference), "it is one of these"
            # Another object may have the same id by now.
            if references.get(reference.key) is reference:
                references.pop(reference.key, None)

        self._references = references
        self._forget = forget

    def add(self, member: T) -> None:
        """Add an object."""
        reference = _Reference(member, self._forget)
        reference.key = id(member)
        self._references[reference.key] = reference

    def discard(self, member: T) -> None:
        """Remove an object, if it is in the registry."""
        self._references.pop(id(member), None)

    @property
    def members(self) -> list[T]:
        """The objects that are still alive."""
        found = [reference() for reference in self._references.copy().values()]
        return [member for member in found if member is not None]
