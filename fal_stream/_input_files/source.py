"""One file to upload: its name, its type, its size, and its bytes.

Promises: an object that can't be uploaded raises an error when it is opened, before anything is
sent. A file that gets shorter during the upload is detected, and so is a path that is replaced by
another file before its first byte is read. A file that claims to be empty is read to its end.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

from .._checks import short_repr
from .._shared.media_types import HEAD_BYTES, essence_of, sniffed_type
from ..errors import ConfigError, counted, excerpt
from .detect import MEMORY, can_read, is_image, is_path, safe_getattr
from .file_objects import file_object_reader
from .images import encode_image
from .names import (
    DEFAULT_TYPE,
    check_content_type,
    check_file_name,
    declared_type,
    fit_name,
    guessed_type,
    name_of,
    unique_name,
)
from .paths import path_reader
from .readers import FileReadError, MemoryReader, Reader, checked_bytes
from .request_files import request_file

_KINDS = "give a pathlib.Path, an open binary file, bytes or an image of Pillow"


class FileSource:
    """A file that is ready to be read; created by `open_file`.

    Attributes:
        name: The file name.
        content_type: The media type.
        size: The size (bytes), or None for a stream, which has to be read to its end. A file that
            claims to be empty is a stream, except in memory.
    """

    def __init__(
        self, reader: Reader, *, name: str | None, content_type: str | None, place: str
    ) -> None:
        self.content_type: str = content_type or DEFAULT_TYPE
        self.name: str = name or unique_name(self.content_type)
        self.size = reader.size
        self._has_type = content_type is not None
        self._has_name = name is not None
        self._place = place
        self._reader = reader

    @property
    def is_unknown(self) -> bool:
        """Whether the media type is not known yet, so that `identify()` may detect it."""
        return not self._has_type

    def identify(self, head: bytes | None = None) -> None:
        """Detect the media type by the first bytes, if it is not known yet.

        Args:
            head: The first bytes. Default None: they are read, if the size of the file is known.

        Raises:
            FileReadError: The file can't be read.
        """
        if self._has_type:
            return
        if head is None:
            head = b"" if self.size is None else self.read(0, min(self.size, HEAD_BYTES))
        kind = sniffed_type(head)
        if kind is not None:
            self.content_type = kind
            if not self._has_name:
                self.name = unique_name(kind)

    def read(self, offset: int, length: int) -> bytes:
        """Return a piece of a file whose size is known; several threads may do so at once.

        Args:
            offset: The position of the piece (bytes).
            length: The exact length of the piece (bytes).

        Raises:
            FileReadError: The file can't be read, or is shorter than it was.
        """
        try:
            piece = self._reader.read_at(offset, length)
        except Exception as error:
            raise self._failure(error) from error
        if len(piece) == length:
            return piece
        raise FileReadError(
            f"{self._place} changed while it was uploaded: it had "
            f"{counted(self.size or 0, 'byte')}, and now ends after {offset + len(piece):,}"
        )

    def read_next(self, length: int) -> bytes:
        """Return some of the next bytes of a stream as soon as there are any.

        It waits as long as the stream has no bytes, so it has to be called in a daemon thread. A
        wait for a pipe, a terminal or a socket ends soon after `close()`.

        Args:
            length: The largest number of bytes, above 0.

        Returns:
            At least one byte; `b""` only at the end of the stream.

        Raises:
            FileReadError: The stream can't be read, or the reader was closed.
        """
        try:
            return self._reader.read_next(length)
        except Exception as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> FileReadError:
        reason = excerpt(str(error)) or type(error).__name__
        return FileReadError(f"{self._place} can't be read: {reason}")

    def close(self) -> None:
        """End reading: close the file of a path, or restore the position of the caller's file.

        It never waits: if a read is still running, that is done after the read. A file that the
        caller has opened stays open. Further calls do nothing.
        """
        self._reader.close()


def open_file(
    place: str, file: object, content_type: str | None = None, file_name: str | None = None
) -> FileSource:
    """Return a file that is ready to be uploaded; nothing was read, but an image is encoded.

    An open file that can seek is read from its beginning to its end, and its position is restored
    when all its readers are closed. One that can't seek, such as a pipe, is read from its current
    position.

    Args:
        place: What to call the file in messages: the name of an argument, or a place in an input.
        file: A path object, an open binary file, bytes, or a Pillow image.
        content_type: The media type. Default: the object's own, else guessed from the name, else
            Pillow's; `identify()` may detect an unknown one. An image is encoded to the type that
            is given or guessed from the name.
        file_name: The name. Default: the file's own name if it has one, else a generated one.

    Raises:
        ConfigError: The file can't be uploaded, or the type or the name is not valid.
    """
    given_type = None if content_type is None else check_content_type(content_type)
    given_name = None if file_name is None else check_file_name(file_name)
    if is_path(file):
        file = _checked_path(place, file)
    said = declared_type(file)
    taken = request_file(file)
    if taken is not None:
        file = taken.file
        name = given_name or (fit_name(taken.name) if taken.name else None)
    else:
        name = given_name or name_of(file)
    guessed = said or (guessed_type(name) if name else None)
    if is_image(file):
        wanted = essence_of(given_type or guessed or "")
        is_image_type = wanted.startswith("image/")
        data, guessed = encode_image(place, file, wanted if is_image_type else None)
        reader: Reader = MemoryReader(lambda: memoryview(data))
    else:
        reader = _reader_of(place, file)
    if guessed == DEFAULT_TYPE:
        guessed = None
    return FileSource(reader, name=name, content_type=given_type or guessed, place=place)


def _reader_of(place: str, file: object) -> Reader:
    if isinstance(file, MEMORY):
        try:
            return MemoryReader(lambda: memoryview(file))
        except ValueError as error:
            raise ConfigError(f"{place} is a memoryview that can't be read: {error}") from None
    if isinstance(file, Path):
        return _path_reader(place, file)
    if isinstance(file, str):
        raise ConfigError(
            f"{place}={short_repr(file)} is text, not a file: give a path as pathlib.Path(...), "
            "and text that is to be uploaded as bytes, text.encode()"
        )
    if isinstance(file, type) or not can_read(file):
        raise ConfigError(f"{place}={short_repr(file)} is not a file: {_KINDS}")
    return _open_file_reader(place, file)


def _checked_path(place: str, file: os.PathLike[str]) -> Path:
    try:
        # Called only once, because it is foreign code.
        return Path(os.fsdecode(file))
    except Exception as error:
        reason = excerpt(str(error)) or type(error).__name__
    raise ConfigError(
        f"{place}={short_repr(file)} is a path that can't be used ({reason}): {_KINDS}"
    )


def _path_reader(place: str, file: Path) -> Reader:
    path, reason = short_repr(file), ""
    try:
        mode = os.stat(file).st_mode
        if stat.S_ISDIR(mode):
            reason = "is a directory: give a file in it"
        elif not stat.S_ISREG(mode):
            # Opening a pipe may block forever.
            reason = "is no regular file: open it yourself, and give the open file"
        else:
            return path_reader(str(file))
    except FileNotFoundError:
        reason = "does not exist: relative paths start at the working directory"
    except (OSError, TypeError, ValueError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        reason = f"can't be opened ({text}): give a file that this program may read"
    raise ConfigError(f"{place}={path} {reason}")


def _open_file_reader(place: str, file: Any) -> Reader:
    if safe_getattr(file, "closed") is True:
        raise ConfigError(
            f"{place}={short_repr(file)} is closed: leave it open until it is uploaded, or give "
            "its path"
        )
    if isinstance(file, io.TextIOBase):
        raise ConfigError(
            f"{place}={short_repr(file)} gives text, not bytes: open it with mode 'rb', or give "
            "its path"
        )
    try:
        checked_bytes(file.read(0))
    except Exception as error:
        reason = excerpt(str(error)) or type(error).__name__
    else:
        return file_object_reader(file)
    raise ConfigError(
        f"{place}={short_repr(file)} can't be read as a binary file ({reason}): {_KINDS}"
    )
