"""The interface of file readers, a reader of bytes in memory, and checked calls of `read`.

Promises: the result of a foreign file object is checked. A reader copies no more bytes than were
requested.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from ..errors import FalStreamError, counted

# The largest single `read` (bytes): a file object may allocate memory for the requested size.
MAX_PIECE = 256 * 1024


class FileReadError(FalStreamError):
    """A file could be opened, but not read to its end; the upload raises it as `UploadError`."""


class Reader:
    """Reads a file.

    Attributes:
        size: The size of the file (bytes), or None for a stream.
    """

    size: int | None

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on; fewer only at the end of the file."""
        raise FileReadError("it is a stream, which is read in order only")

    def read_next(self, length: int) -> bytes:
        """Return some of the next bytes as soon as there are any; `b""` only at the end."""
        raise FileReadError("its size is known, so it is read by offsets")

    def close(self) -> None:
        """Close what the reader itself has opened, now or after a read that still runs."""


class MemoryReader(Reader):
    """Reads bytes that are in memory.

    Args:
        view: Returns a view of the bytes. It is called for each read, and the view is released
            after the read, so that the owner can change or resize the object between reads.
    """

    def __init__(self, view: Callable[[], memoryview]) -> None:
        self._view = view
        with view() as whole:
            self.size = whole.nbytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on; fewer only at the end of the file."""
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
    """Return bytes of an open file from its current position; fewer only at the end of the file.

    Args:
        file: The file.
        length: The number of bytes.

    Raises:
        FileReadError: The file returned something else than bytes, or too many.
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
    """Return the bytes that an open file has, if possible without waiting for more.

    Args:
        file: The file.
        length: The largest number of bytes.
        ask_twice: Whether an empty result of `read1` is only the end if `read` returns one, too.

    Returns:
        At most 256 KiB; `b""` only at the end of the file.

    Raises:
        FileReadError: The file returned something else than bytes, or too many.
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
    # subclass may override only `read`: then `read1` would return other bytes than `read`.
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
    """Check the result of a `read` method, and return it as bytes.

    Raises:
        FileReadError: It is not bytes.
    """
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    if piece is None:
        raise FileReadError("it has no data yet and doesn't wait: set it to blocking mode")
    if inspect.iscoroutine(piece):
        piece.close()  # else Python would warn that it was never awaited
    raise FileReadError(f"its read() gives {type(piece).__name__}, not bytes")
