"""The event listeners of a stream, and the chunks that they have not been given yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, get_args

from .._checks import check_known, short_repr
from ..errors import ConfigError
from ..types import StreamEventType

Listener = Callable[[Any], Any]

# An empty deque takes as much memory as some dozens of entries: until there is one, this stands for
# it. Nothing can be put into it.
NOTHING: deque[Any] = deque(maxlen=0)

TYPES: tuple[StreamEventType, ...] = get_args(StreamEventType)


class Listeners:
    """The listeners of one stream, in the order they came.

    Attributes:
        by_type: The listeners by what they listen to.
        undelivered: Chunks that the listeners have still to be called with. They are kept here so
            that none is lost where the one who calls is cancelled in between.
    """

    def __init__(self) -> None:
        self.by_type: dict[str, list[Listener]] = {name: [] for name in TYPES}
        self.undelivered: deque[Any] = NOTHING

    def add(self, type: StreamEventType, listener: Listener) -> None:
        """Register a listener.

        Raises:
            ConfigError: The type is unknown, or the listener is not callable.
        """
        check_known("listener type", [type], TYPES)
        if not callable(listener):
            raise ConfigError(f"listener={short_repr(listener)} can't be called: give a function")
        self.by_type[type].append(listener)

    def remove(self, type: StreamEventType, listener: Listener) -> None:
        """Take a listener off; no-op where it isn't registered.

        Raises:
            ConfigError: The type is unknown.
        """
        check_known("listener type", [type], TYPES)
        if listener in self.by_type[type]:
            self.by_type[type].remove(listener)

    def of(self, *types: StreamEventType) -> list[Listener]:
        """Return the listeners of some types."""
        return [listener for name in types for listener in self.by_type[name]]

    def enqueue(self, chunks: Iterable[Any]) -> None:
        """Keep chunks for the listeners, where there are any."""
        if self.by_type["data"] or self.by_type["message"]:
            if self.undelivered is NOTHING:
                self.undelivered = deque()
            self.undelivered.extend(chunks)
