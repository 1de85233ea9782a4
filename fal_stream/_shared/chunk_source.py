"""What turns a response body into chunks, and the source for bodies that are no event streams.

A source is fed with the bytes as they come and appends what they hold to a list. When it raises,
what came before has been appended. It knows no endpoint: the stream adds that to its errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Protocol, TypeAlias

from .._checks import check_plain_result
from .._signal_errors import raised_by_signal_handler
from ..errors import FalStreamError, IncompleteStream, counted

__all__ = ["BinaryChunks", "ChunkSource", "FinalChunkCheck", "IsFinal"]

IsFinal: TypeAlias = Callable[[Any], bool]


class ChunkSource(Protocol):
    """Takes the bytes of a body and gives what they hold."""

    ended: bool
    """Whether the stream has said that it is at its end."""

    has_failed: bool
    """Whether `raise_held_error` raises."""

    def raise_held_error(self) -> None:
        """Raise the error that was held back until the chunks before it had been given."""

    def feed(self, data: bytes, out: list[Any]) -> None:
        """Take some bytes, and append the chunks in them to a list."""

    def shows_life(self, data: bytes) -> bool:
        """Return whether bytes that gave no chunk still are a sign of life."""
        raise NotImplementedError

    def close(self, out: list[Any]) -> None:
        """Take the end of the body, and append what was pending where it is whole."""


class FinalChunkCheck:
    """Knows which chunk of a source is the last one.

    Args:
        is_final: Tells of a chunk whether it is the last one, or None: the server tells.
    """

    def __init__(self, is_final: IsFinal | None) -> None:
        self.ended = False
        self.has_failed = False
        self._is_final = is_final
        self._needs_last = is_final is not None
        self._count = 0

    def check_final(self, chunk: Any, is_final: IsFinal) -> None:
        """Ask whether the chunk that was just given is the last one."""
        try:
            result = is_final(chunk)
            self.ended = bool(result)
        except Exception as error:
            cause = error
        else:
            if self.ended:
                check_plain_result("is_final", result)
            return
        self.raise_final_error(cause)

    def raise_final_error(self, cause: Exception) -> NoReturn:
        """Say that `is_final` raised for the chunk that was just given."""
        raised = raised_by_signal_handler(cause)
        if raised is not None:
            raise raised
        raise FalStreamError(
            f"is_final raised {type(cause).__name__} for chunk {self._count - 1}, which is the "
            "cause of this; the chunk was delivered"
        ) from cause

    def check_had_final(self) -> None:
        """Refuse the end of a stream that had no last chunk."""
        if not self._needs_last or self.ended:
            return
        if self._is_final is None:
            said = "without the output event of its workflow (is_final=None takes any end)"
        else:
            said = "but is_final held for none of them"
        raise IncompleteStream(
            f"The stream ended after {counted(self._count, 'chunk')}, {said}: the app may have "
            "died, look at its logs",
            chunks_received=self._count,
        )


class BinaryChunks(FinalChunkCheck):
    """The source of a body that is no event stream: the bytes as they come.

    Args:
        is_final: Tells of a chunk whether it is the last one. Default None: the server tells.
    """

    def __init__(self, is_final: IsFinal | None = None) -> None:
        super().__init__(is_final)

    def raise_held_error(self) -> None:
        """See `ChunkSource`; nothing is held back."""

    def feed(self, data: bytes, out: list[Any]) -> None:
        """See `ChunkSource`.

        Raises:
            FalStreamError: `is_final` raised.
        """
        out.append(data)
        self._count += 1
        if self._is_final is not None:
            self.check_final(data, self._is_final)

    def shows_life(self, data: bytes) -> bool:
        """See `ChunkSource`; each byte is one."""
        return bool(data)

    def close(self, out: list[Any]) -> None:
        """See `ChunkSource`; there is nothing pending.

        Raises:
            IncompleteStream: The last chunk never came.
        """
        self.check_had_final()
