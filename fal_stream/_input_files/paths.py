"""Read files that are given as paths: opened for the first read, closed after the last.

Promises: if the file is changed or replaced before its first byte is read, that is detected. The
size of a file that claims to be empty is not trusted, because files in /proc claim that.
"""

from __future__ import annotations

import io
import os

from .file_lock import FileLock
from .readers import MAX_PIECE, FileReadError, Reader, read_up_to

Stamp = tuple[int, int, int, int]


def path_reader(path: str) -> Reader:
    """Return the reader for a regular file; it reads a stream if the file claims to be empty.

    Raises:
        OSError: The file can't be opened.
    """
    # Unbuffered, because a buffer would hide a change of the file.
    with open(path, "rb", buffering=0) as file:
        stamp = _stamp_of(file)
    return PathReader(path, stamp) if stamp[0] else PathStreamReader(path)


class _LazyFile(FileLock):
    """A file that is opened when it is first used."""

    def __init__(self, path: str, stamp: Stamp | None) -> None:
        super().__init__()
        self._path = path
        self._stamp = stamp
        self._file: io.FileIO | None = None
        self._is_closed = False

    def read(self, length: int, offset: int | None = None) -> bytes:
        """Read `length` bytes at an offset; or without an offset, some bytes at the position."""
        with self._locked():
            if self._is_closed:
                raise FileReadError("it was closed")
            if self._file is None:
                self._file = self._open()
            if offset is None:
                return self._file.read(min(length, MAX_PIECE))
            self._file.seek(offset)
            return read_up_to(self._file, length)

    def _open(self) -> io.FileIO:
        file = open(self._path, "rb", buffering=0)  # noqa: SIM115 - closed by _clean_up()
        if self._stamp in (None, _stamp_of(file)):
            return file
        file.close()
        raise FileReadError("it has changed since the upload was asked for")

    def close(self) -> None:
        """Close the file, now or after the read that still runs."""
        self._is_closed = True
        self._clean_up_if_over()

    def _is_over(self) -> bool:
        return self._is_closed and self._file is not None

    def _clean_up(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


class PathReader(Reader):
    """Reads a file by its path.

    Args:
        path: The path of a regular file.
        stamp: Size, modification time, device and inode of the file when the upload was requested.
    """

    def __init__(self, path: str, stamp: Stamp) -> None:
        self._opened = _LazyFile(path, stamp)
        self.size = stamp[0]

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on; fewer only at the end of the file."""
        return self._opened.read(length, offset)

    def close(self) -> None:
        """Close the file, now or after the read that still runs."""
        self._opened.close()


class PathStreamReader(Reader):
    """Reads a file of unknown size by its path, as a stream.

    Args:
        path: The path of a regular file.
    """

    size = None

    def __init__(self, path: str) -> None:
        self._opened = _LazyFile(path, None)

    def read_next(self, length: int) -> bytes:
        """Return some of the next bytes; `b""` only at the end."""
        return self._opened.read(length)

    def close(self) -> None:
        """Close the file, now or after the read that still runs."""
        self._opened.close()


def _stamp_of(file: io.FileIO) -> Stamp:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino
