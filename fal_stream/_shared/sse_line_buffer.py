"""Buffer the unfinished line of an event stream, in the pieces in which it arrives.

Promises: work and memory that are linear in the bytes, however small the pieces are; a long line is
copied once, when it is complete.

Not here: finding line ends, parsing fields, and the size limit (`sse.py`).
"""

from __future__ import annotations

__all__ = ["LineBuffer"]

# Smaller pieces are joined, because each object would need more memory than its bytes (bytes).
_LARGE_PIECE = 4 * 1024


class LineBuffer:
    """The beginning of a line whose end has not arrived.

    Attributes:
        size: The number of buffered bytes.
    """

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Remove the buffered bytes."""
        self.size = 0
        self._pieces: list[bytes | bytearray] = []

    def add(self, piece: bytes) -> None:
        """Add the next bytes of the line."""
        pieces = self._pieces
        if len(piece) >= _LARGE_PIECE:
            pieces.append(piece)
        elif pieces and isinstance(pieces[-1], bytearray):
            pieces[-1] += piece
        else:
            pieces.append(bytearray(piece))
        self.size += len(piece)

    def text(self) -> bytes:
        """Return the buffered bytes."""
        return b"".join(self._pieces)

    def data(self) -> bytes | None:
        """Return the value if this is a `data` line, or None.

        It is None for a `data` line too if the name of the field arrived in two pieces.
        """
        if not self._pieces:
            return None
        first, *others = self._pieces
        if not first.startswith(b"data: "):
            return None
        return b"".join([first[len(b"data: ") :], *others])
