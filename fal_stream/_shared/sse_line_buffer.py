"""Buffer the unfinished line of an event stream, in the pieces in which it arrives.

Promises: work and memory that are linear in the bytes, however small the pieces are; a long line is
copied once, when it is complete.

Elsewhere: where a line ends, what it means, and the size limit (`sse.py`).
"""

from __future__ import annotations

__all__ = ["LineBuffer"]

# Smaller pieces are joined: each object would take more memory than its bytes.
_LARGE_PIECE = 4 * 1024


class LineBuffer:
    """The beginning of a line whose end has not come.

    Attributes:
        size: How many bytes of it there are.
    """

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget it."""
        self.size = 0
        self._pieces: list[bytes | bytearray] = []

    def add(self, piece: bytes) -> None:
        """Add what came next of it."""
        pieces = self._pieces
        if len(piece) >= _LARGE_PIECE:
            pieces.append(piece)
        elif pieces and isinstance(pieces[-1], bytearray):
            pieces[-1] += piece
        else:
            pieces.append(bytearray(piece))
        self.size += len(piece)

    def text(self) -> bytes:
        """Return all of it."""
        return b"".join(self._pieces)

    def data(self) -> bytes | None:
        """Return the value of a `data` line.

        Returns:
            The value, or None where it is another line, or its name came in two pieces.
        """
        if not self._pieces:
            return None
        first, *others = self._pieces
        if not first.startswith(b"data: "):
            return None
        return b"".join([first[len(b"data: ") :], *others])
