"""Objects that are known as long as somebody uses them.

There is no lock, so that a signal handler can go through them at any time: each step on the
dictionary is one of the interpreter.
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

T = TypeVar("T")


class WeakRegistry(Generic[T]):
    """Objects, held weakly; adding one and removing it cost the same however many there are."""

    __slots__ = ("_references",)

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[T]] = {}

    def add(self, member: T) -> None:
        """Take an object in."""
        references, key = self._references, id(member)

        def forget(reference: weakref.ref[T]) -> None:
            # Its place may be another's by now.
            if references.get(key) is reference:
                references.pop(key, None)

        references[key] = weakref.ref(member, forget)

    def discard(self, member: T) -> None:
        """Let an object go."""
        self._references.pop(id(member), None)

    @property
    def members(self) -> list[T]:
        """The objects that are left."""
        found = [reference() for reference in self._references.copy().values()]
        return [member for member in found if member is not None]
