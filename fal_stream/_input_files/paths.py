"""Read files that are given as paths: opened for the first read, closed after the last.

Promises: a change of the file's size is detected until its first byte is read. The size of a file
that claims to be empty is not trusted, because files in /proc claim that and are not.
"""

from __future__ import annotations

import io
import os

from .file_lock import FileLock
from .readers import MAX_PIECE, FileReadError, Reader, read_up_to

Stamp = tuple[int, int, int, int]


def path_reader(path: str) -> Reader:
    """Return the reader of a regular file.

    Returns:
        The reader: of a stream if the file says that it is empty.

    Raises:
        OSError: It can't be opened.
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
        """Read at a place, up to the length; or from where the file stands, some bytes."""
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
        stamp: What the file was when the upload was asked for.
    """

    def __init__(self, path: str, stamp: Stamp) -> None:
        self._opened = _LazyFile(path, stamp)
        self.size = stamp[0]

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on, fewer where there are no more."""
        return self._opened.read(length, offset)

    def close(self) -> None:
        """Close the file, now or after the read that still runs."""
        self._opened.close()


class PathStreamReader(Reader):
    """Reads a file by its path, whatever it holds by then.

    Args:
        path: The path of a regular file.
    """

    size = None

    def __init__(self, path: str) -> None:
        self._opened = _LazyFile(path, None)

    def read_next(self, length: int) -> bytes:
        """Return some of the next bytes; none at the end."""
        return self._opened.read(length)

    def close(self) -> None:
        """Close the file, now or after the read that still runs."""
        self._opened.close()


def _stamp_of(file: io.FileIO) -> Stamp:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino
