"""Ways to read a file: from memory, at any place of an open file, or from a stream in order.

Promises: `read_at` may be called by several threads at once, and leaves the position of an open
file where the caller had it. A reader copies no more than it was asked for.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import threading
from collections.abc import Callable
from typing import Any

Stamp = tuple[int, int, int, int]


class FileReadError(Exception):
    """A file could be opened, but not read to its end."""


# Two uploads may be given one open file, and its position is one. A fork may come while another
# thread holds the lock, and in the child nobody would release it.
_position = threading.Lock()


def _renew_lock() -> None:
    global _position
    _position = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class Reader:
    """Reads a file.

    Attributes:
        size: Its size in bytes, or None for a stream.
    """

    size: int | None

    def read_at(self, offset: int, length: int) -> bytes:
        """Give the bytes from an offset on, fewer where there are no more."""
        raise FileReadError("it is a stream, which is read in order only")

    def read_next(self, length: int) -> bytes:
        """Give the next bytes, fewer where there are no more."""
        raise FileReadError("its size is known, so it is read by offsets")

    def close(self) -> None:
        """Close what the reader itself opened."""


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
        """Give the bytes from an offset on, fewer where there are no more."""
        with self._view() as whole:
            return _piece(whole, offset, length)


def _piece(whole: memoryview, offset: int, length: int) -> bytes:
    if whole.c_contiguous:
        # A view of what has a format of its own can't be cast, but copied.
        with contextlib.suppress(TypeError), whole.cast("B") as flat:
            return bytes(flat[offset : offset + length])
    if not whole.shape or not whole.nbytes:
        return whole.tobytes()[offset : offset + length]
    # Nor can one with gaps be cast, but it can be cut between its rows.
    row = whole.nbytes // whole.shape[0]
    first, skipped = divmod(offset, row)
    cut = whole[first : -(-(offset + length) // row)]
    return cut.tobytes()[skipped : skipped + length]


class SeekReader(Reader):
    """Reads an open file that knows places.

    Args:
        file: The file, which stays open.

    Raises:
        OSError: It doesn't know places after all.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        with _position:
            position = file.tell()
            try:
                file.seek(0, io.SEEK_END)
                self.size = file.tell()
            finally:
                file.seek(position)

    def read_at(self, offset: int, length: int) -> bytes:
        """Give the bytes from an offset on, fewer where there are no more."""
        with _position:
            position = self._file.tell()
            try:
                self._file.seek(offset)
                return read_up_to(self._file, length)
            finally:
                self._file.seek(position)


class PathReader(Reader):
    """Reads a file by its path, which is opened at the first read and closed by `close`.

    Args:
        path: The path of a regular file.

    Raises:
        OSError: It can't be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: io.FileIO | None = None
        with open(path, "rb", buffering=0) as file:
            self._stamp = _stamp_of(file)
        self.size = self._stamp[0]

    def read_at(self, offset: int, length: int) -> bytes:
        """Give the bytes from an offset on, fewer where there are no more."""
        with self._lock:
            if self._file is None:
                self._file = self._open()
            self._file.seek(offset)
            return read_up_to(self._file, length)

    def _open(self) -> io.FileIO:
        # Without a buffer, which would hide that the file has changed.
        file = open(self._path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
        if _stamp_of(file) == self._stamp:
            return file
        file.close()
        raise FileReadError("it has changed since the upload was asked for")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class StreamReader(Reader):
    """Reads a file that knows no places: a pipe, a response.

    Args:
        file: The file, which stays open.
    """

    size = None

    def __init__(self, file: Any) -> None:
        self._file = file

    def read_next(self, length: int) -> bytes:
        """Give the next bytes, fewer where there are no more."""
        return read_up_to(self._file, length)


def _stamp_of(file: io.FileIO) -> Stamp:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino


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
        piece = checked_bytes(file.read(missing))
        if not piece:
            break
        if len(piece) > missing:
            raise FileReadError(f"its read({missing}) gave {len(piece):,} bytes")
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def checked_bytes(piece: object) -> bytes:
    """Check what a `read` method gave.

    Args:
        piece: What it gave.

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
        piece.close()  # else Python would warn that nobody awaited it
    raise FileReadError(f"its read() gives {type(piece).__name__}, not bytes")
