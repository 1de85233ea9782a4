"""Choose how to read a file object that the caller has opened: at any position, or in order.

Promises: parts are read concurrently only if seeking is cheap and reliable. Any other seekable file
(a compressed one, or one of an unknown class) is read in order from its beginning, and a file that
can't seek is read from its current position.
"""

from __future__ import annotations

import io
import mmap
import os
import stat
from typing import Any

from .pipes import PipeReader, is_special
from .readers import MemoryReader, Reader
from .seekable import SeekableReader, SequentialReader

_BUFFERED = (io.BufferedReader, io.BufferedRandom)


def file_object_reader(file: Any) -> Reader:
    """Return the reader for an open file."""
    if type(file) is io.BytesIO:
        return MemoryReader(file.getbuffer)
    if isinstance(file, mmap.mmap):
        return MemoryReader(lambda: memoryview(file))
    # On Windows, a pipe claims that it can seek.
    if is_special(_true_file(file)):
        return PipeReader(file)
    try:
        if _is_seekable(file):
            return _seekable_reader(file) or SequentialReader(file)
    except Exception:
        # Some file objects claim that they can seek, and can't.
        return PipeReader(file)
    return PipeReader(file)


def _is_seekable(file: Any) -> bool:
    if hasattr(file, "seekable"):
        return bool(file.seekable())
    return hasattr(file, "seek") and hasattr(file, "tell")


def _seekable_reader(file: Any) -> Reader | None:
    if not _is_quick(_true_file(file)):
        return None
    try:
        reader = SeekableReader(file)
    except Exception:
        return None  # some files in /proc can't seek to their end
    if reader.size:
        return reader
    # Other files in /proc claim to be empty, and are not.
    reader.close()
    return None


def _is_quick(file: Any) -> bool:
    if isinstance(file, io.BytesIO):
        return True
    # Not for a subclass, whose `read` may return other bytes than those of the file.
    raw = file.raw if type(file) in _BUFFERED else file
    return type(raw) is io.FileIO and stat.S_ISREG(os.fstat(raw.fileno()).st_mode)


def _true_file(file: Any) -> Any:
    """Return the file inside a wrapper of `tempfile`, at its documented attribute, or the file."""
    if type(file).__module__ != "tempfile":
        return file
    inside = vars(file)
    return inside.get("file") or inside.get("_file") or file
