"""Read open files that can seek; all readers of one file share its position.

Promises: each reader gets the right bytes, even if others read the same file meanwhile. After the
last reader is closed (and a read that still runs has ended), the position of the file is the one
that the caller left. A file whose read hangs doesn't block other files.
"""

from __future__ import annotations

import contextlib
import io
import operator
import os
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from .._signal_errors import suppress_errors
from .file_lock import FileLock
from .readers import FileReadError, Reader, read_some, read_up_to


class SharedFile(FileLock):
    """An open file that can seek, shared by its readers; created by `SharedFile.of`."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self._readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._first: int | None = None
        self._last: Reader | None = None

    @classmethod
    def of(cls, file: Any, reader: Reader) -> SharedFile:
        """Return the shared file of a file object, and add a reader to it."""
        with _mutex:
            opened = _open_files.get(id(file))
            if opened is None:
                # It refers to the file, so no other object can get the same id while it exists.
                _open_files[id(file)] = opened = cls(file)
            opened._readers.add(reader)
        return opened

    @contextlib.contextmanager
    def locked_for(self, reader: Reader) -> Iterator[Any]:
        """Lock the file for one of its readers."""
        with self._locked():
            if reader not in self._readers:
                raise FileReadError("it was closed")
            if self._first is None:
                self._first = _position_of(self._file)
            yield self._file

    @contextlib.contextmanager
    def locked_at(self, reader: Reader, offset: int) -> Iterator[Any]:
        """Lock the file for one of its readers, at a position."""
        with self.locked_for(reader) as file:
            self._last = None
            file.seek(offset)
            yield file

    @contextlib.contextmanager
    def locked_next(self, reader: Reader, offset: int) -> Iterator[Any]:
        """Lock the file for a reader that reads in order, at its next position."""
        with self.locked_for(reader) as file:
            if self._last is not reader:
                file.seek(offset)
            # After an error, its position is unknown.
            self._last = None
            yield file
            self._last = reader

    def leave(self, reader: Reader) -> None:
        """Remove a reader; after the last one, restore the position of the file."""
        # Without the mutex, because a signal handler or a finalizer may call this. A reader that is
        # added meanwhile finds the restored position.
        self._readers.discard(reader)
        self._clean_up_if_over()

    def _is_over(self) -> bool:
        return self._first is not None and not self._readers

    def _clean_up(self) -> None:
        first, self._first, self._last = self._first, None, None
        # The caller may have closed the file.
        with suppress_errors(Exception):
            self._file.seek(first)

    def renew_lock(self) -> None:
        """Replace the lock: after a fork, the thread that held it doesn't exist."""
        self._lock = threading.Lock()


# Held only briefly, never while a file is read, and only by threads that open files, in which no
# signal handler runs.
_mutex = threading.Lock()
_open_files: weakref.WeakValueDictionary[int, SharedFile] = weakref.WeakValueDictionary()


def _renew_locks() -> None:
    global _mutex
    _mutex = threading.Lock()
    for opened in list(_open_files.values()):
        opened.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class SeekableReader(Reader):
    """Reads an open file at any position; several threads may do so at once.

    Args:
        file: The file, which is not closed, and whose `seek` is cheap.

    Raises:
        Exception: The file can't seek; the exception is the one that it raised.
    """

    def __init__(self, file: Any) -> None:
        self._opened = SharedFile.of(file, self)
        try:
            self.size = self._measured()
        except BaseException:
            self.close()
            raise

    def _measured(self) -> int:
        with self._opened.locked_for(self) as file:
            before = _position_of(file)
            try:
                file.seek(0, io.SEEK_END)
                return _position_of(file)
            finally:
                file.seek(before)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on; fewer only at the end of the file."""
        with self._opened.locked_at(self, offset) as file:
            return read_up_to(file, length)

    def close(self) -> None:
        """Remove the reader, and restore the position of the file after the last one."""
        self._opened.leave(self)


class SequentialReader(Reader):
    """Reads an open file in order, from its beginning.

    Args:
        file: The file, which is not closed.

    Raises:
        Exception: The file can't seek; the exception is the one that it raised.
    """

    size = None

    def __init__(self, file: Any) -> None:
        self._offset = 0
        self._opened = SharedFile.of(file, self)
        try:
            with self._opened.locked_for(self) as own:
                # Some file objects have `tell` but can't seek; seeking to the current position
                # shows that.
                own.seek(_position_of(own))
        except BaseException:
            self.close()
            raise

    def read_next(self, length: int) -> bytes:
        """Return some of the next bytes; `b""` only at the end."""
        with self._opened.locked_next(self, self._offset) as file:
            piece = read_some(file, length, ask_twice=True)
            self._offset += len(piece)
            return piece

    def close(self) -> None:
        """Remove the reader, and restore the position of the file after the last one."""
        self._opened.leave(self)


def _position_of(file: Any) -> int:
    position = operator.index(file.tell())
    if position < 0:
        raise ValueError(f"its tell() gives {position}")
    return position
