"""The interface of file readers, a reader of bytes in memory, and checked calls of `read`.

Promises: what a foreign file object returns is checked. A reader copies no more than was asked for.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from ..errors import FalStreamError, counted

# The largest single `read`: a file object may allocate memory for all that it is asked for.
MAX_PIECE = 256 * 1024


class FileReadError(FalStreamError):
    """A file could be opened, but not read to its end; whoever uploads it says so of the upload."""


class Reader:
    """Reads a file.

    Attributes:
        size: Its size in bytes, or None for a stream.
    """

    size: int | None

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on, fewer where there are no more."""
        raise FileReadError("it is a stream, which is read in order only")

    def read_next(self, length: int) -> bytes:
        """Return some of the next bytes, as soon as there are any; none at the end."""
        raise FileReadError("its size is known, so it is read by offsets")

    def close(self) -> None:
        """Close what the reader itself opened, now or after a read that still runs."""


class MemoryReader(Reader):
    """Reads bytes that are in memory.

    Args:
        view: Gives a view of them; it is asked for and released at each read, so that between two
            the owner may do with them what he likes.
    """

    def __init__(self, view: Callable[[], memoryview]) -> None:
        self._view = view
        with view() as whole:
            self.size = whole.nbytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on, fewer where there are no more."""
        with self._view() as whole:
            return _piece(whole, offset, length)


def _piece(whole: memoryview, offset: int, length: int) -> bytes:
    if whole.c_contiguous:
        # A memoryview with another format can't be cast, but it can be copied.
        with contextlib.suppress(TypeError), whole.cast("B") as flat:
            return bytes(flat[offset : offset + length])
    if not whole.shape or not whole.nbytes:
        return whole.tobytes()[offset : offset + length]
    # A memoryview that isn't contiguous can't be cast either, but it can be sliced by rows.
    row = whole.nbytes // whole.shape[0]
    first, skipped = divmod(offset, row)
    cut = whole[first : -(-(offset + length) // row)]
    return cut.tobytes()[skipped : skipped + length]


def read_up_to(file: Any, length: int) -> bytes:
    """Read from where an open file stands.

    Args:
        file: The file.
        length: How many bytes.

    Returns:
        The bytes, fewer only where the file ends.

    Raises:
        FileReadError: What it gives is not bytes, or more than was asked for.
    """
    pieces: list[bytes] = []
    missing = length
    while missing > 0:
        piece = _checked("read", file.read(missing), missing)
        if not piece:
            break
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def read_some(file: Any, length: int, *, ask_twice: bool) -> bytes:
    """Read what an open file has, without waiting for more than one byte where it can do so.

    Args:
        file: The file.
        length: How many bytes at most.
        ask_twice: Whether the end counts only when `read` says it, too.

    Returns:
        The bytes, at most 256 KiB, and none only where the file ends.

    Raises:
        FileReadError: What it gives is not bytes, or more than was asked for.
    """
    length = min(length, MAX_PIECE)
    if _has_own_read1(file):
        piece = _checked("read1", file.read1(length), length)
        # For a non-blocking buffered file, `read1` returns `b""` both at the end and if there is
        # nothing yet.
        if piece or not ask_twice:
            return piece
    return _checked("read", file.read(length), length)


def _has_own_read1(file: Any) -> bool:
    # A wrapper may define only `read` and delegate everything else to the wrapped file, and a
    # subclass may override only `read`: their `read1` would return other bytes.
    if "read" in getattr(file, "__dict__", {}):
        return False
    for kind in type(file).__mro__:
        if "read1" in vars(kind):
            return callable(vars(kind)["read1"])
        if "read" in vars(kind):
            return False
    return False


def _checked(method: str, piece: object, length: int) -> bytes:
    data = checked_bytes(piece)
    if len(data) > length:
        raise FileReadError(f"its {method}({length}) gave {counted(len(data), 'byte')}")
    return data


def checked_bytes(piece: object) -> bytes:
    """Check what a `read` method gave.

    Returns:
        It, as bytes.

    Raises:
        FileReadError: It is something else.
    """
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    if piece is None:
        raise FileReadError("it has no data yet and doesn't wait: set it to blocking mode")
    if inspect.iscoroutine(piece):
        piece.close()  # else Python would warn that it was never awaited
    raise FileReadError(f"its read() gives {type(piece).__name__}, not bytes")
