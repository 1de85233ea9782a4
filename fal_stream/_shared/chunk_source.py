"""The interface that turns a response body into chunks, and its version for binary bodies.

A source is fed with bytes as they arrive, and appends the chunks in them to a list. When it raises
an error, the chunks before it have been appended. It doesn't know the endpoint: the stream adds
that to the error.
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
    """Decodes the bytes of a body to chunks."""

    ended: bool
    """Whether the last chunk or the end mark has arrived."""

    has_failed: bool
    """Whether `raise_held_error` raises."""

    def raise_held_error(self) -> None:
        """Raise the error that was held back until the chunks before it were delivered."""

    def feed(self, data: bytes, out: list[Any]) -> None:
        """Decode some bytes, and append the chunks in them to a list."""

    def shows_life(self, data: bytes) -> bool:
        """Return whether bytes without a chunk still are a sign of life, such as a keep-alive."""
        raise NotImplementedError

    def close(self, out: list[Any]) -> None:
        """End the body, and append a pending chunk if it is complete."""


class FinalChunkCheck:
    """Checks which chunk of a source is the last one.

    Args:
        is_final: A function that tells whether a chunk is the last one; None if the stream ends
            when the server ends it.
    """

    def __init__(self, is_final: IsFinal | None) -> None:
        self.ended = False
        self.has_failed = False
        self._is_final = is_final
        self._needs_last = is_final is not None
        self._count = 0

    def check_final(self, chunk: Any, is_final: IsFinal) -> None:
        """Call `is_final` for the chunk that was just appended."""
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
        """Raise the error that `is_final` raised an exception for the chunk just appended."""
        raised = raised_by_signal_handler(cause)
        if raised is not None:
            raise raised
        raise FalStreamError(
            f"is_final raised {type(cause).__name__} for chunk {self._count - 1}, which is the "
            "cause of this; the chunk was delivered"
        ) from cause

    def check_had_final(self) -> None:
        """Raise `IncompleteStream` if the stream ends without the last chunk."""
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
    """The source for a binary body: its chunks are the bytes as they arrive.

    Args:
        is_final: A function that tells whether a chunk is the last one. Default None: the stream
            ends when the server ends it.
    """

    def __init__(self, is_final: IsFinal | None = None) -> None:
        super().__init__(is_final)

    def raise_held_error(self) -> None:
        """See `ChunkSource`; no error is held back."""

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
        """See `ChunkSource`; each byte is a sign of life."""
        return bool(data)

    def close(self, out: list[Any]) -> None:
        """See `ChunkSource`; there is nothing pending.

        Raises:
            IncompleteStream: The last chunk did not come.
        """
        self.check_had_final()
