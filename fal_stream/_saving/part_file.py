"""Write a file under a temporary name that ends in `.part`, and rename it when it is complete.

Promises: the complete file gets its final name, or the next free one: no existing file is changed,
and no link is followed. If the first bytes are of another format than the suffix says, the name is
kept, because the user may have chosen it, and a WARNING is logged. Giving up never waits: if
another thread is still writing, the file is removed when that write has ended.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from .._input_files.file_lock import FileLock
from .._shared.file_names import numbered
from .._shared.media_types import HEAD_BYTES, contradicting_type
from .._signal_errors import raised_by_signal_handler, suppress_errors
from ..errors import FileError, excerpt

_MAX_NUMBERED = 10_000

_logger = logging.getLogger("fal_stream")


class PartFile(FileLock):
    """Writes a file; its methods may be called in any thread, one after the other.

    Args:
        folder: The folder of the file.
        name: The final name of the file, which must be safe.
        overwrite: Whether to replace an existing file of that name.
        reserved: Files that are never replaced. Default: none.

    Attributes:
        path: The current path, which ends in `.part` until the file is complete.
        size: The number of bytes that were written.
        is_whole: Whether the file is complete and has its final name.
    """

    def __init__(
        self, folder: Path, name: str, *, overwrite: bool, reserved: Collection[Path] = ()
    ) -> None:
        super().__init__()
        self.path: Path = folder / name
        self.size: int = 0
        self.is_whole: bool = False
        self._folder = folder
        self._name = name
        self._overwrite = overwrite
        self._reserved = reserved
        self._file: BinaryIO | None = None
        self._head = b""
        self._is_discarded = False
        self._is_kept = False

    @property
    def is_open(self) -> bool:
        """Whether the file was created and can be written."""
        return self._file is not None

    def create(self) -> None:
        """Create the file, unless that was done already.

        Raises:
            FileError: The file can't be created.
        """
        with self._locked():
            if self._file is not None or self.is_whole:
                return
            for number in range(1, _MAX_NUMBERED):
                path = self._folder / f"{numbered(self._name, number)}.part"
                if os.path.lexists(path):
                    continue
                # Set before the file is created, because giving up removes the file by this path.
                self.path = path
                try:
                    self._file = path.open("xb")
                except FileExistsError:
                    continue
                except BaseException as error:
                    # A signal may come when the file is created, but not yet assigned.
                    is_handlers = raised_by_signal_handler(error) is not None
                    if is_handlers or not isinstance(error, OSError):
                        _remove_empty(path)
                        raise
                    raise self._failure(error) from error
                return
        raise self._too_many()

    def write(self, data: bytes, offset: int | None = None) -> None:
        """Write bytes.

        Args:
            data: The bytes.
            offset: The position to write to (bytes), so that an interrupted write can be repeated.
                Default None: the end of the file.

        Raises:
            FileError: The bytes can't be written.
        """
        with self._locked():
            if self._file is None:
                return  # the file was given up meanwhile
            start = self.size if offset is None else offset
            try:
                if offset is not None:
                    self._file.seek(offset)
                self._file.write(data)
            except OSError as error:
                if raised_by_signal_handler(error) is not None:
                    raise
                raise self._failure(error) from error
            self.size = max(self.size, start + len(data))
            if start < HEAD_BYTES:
                self._head = self._head[:start] + data[: HEAD_BYTES - start]

    def finish(self) -> Path:
        """Give the complete file its final name, and return its path.

        Raises:
            FileError: The file can't be renamed, or was given up.
        """
        with self._locked():
            if self._file is None:
                raise FileError(f"{excerpt(str(self.path))} was given up while it was written")
            try:
                self._file.close()
                path = self._named()
            except OSError as error:
                if raised_by_signal_handler(error) is not None:
                    raise
                raise self._failure(error) from error
            # In this order, so that giving up meanwhile doesn't remove the complete file.
            self.is_whole = True
            self._file = None
            self.path = path
        found = contradicting_type(path.suffix, self._head)
        if found is not None:
            _logger.warning(
                "%s is %s, although its name says otherwise: nothing was converted",
                excerpt(str(path)),
                found,
            )
        return path

    def _named(self) -> Path:
        for number in range(1, _MAX_NUMBERED):
            path = self._folder / numbered(self._name, number)
            if path in self._reserved:
                continue
            if self._overwrite:
                os.replace(self.path, path)
                return path
            if _rename_to_new(self.path, path):
                return path
        raise self._too_many()

    def keep(self) -> None:
        """End writing, and leave the unfinished file under its current name."""
        self._is_kept = True
        self.discard()

    def discard(self) -> None:
        """End writing, and remove the unfinished file, now or after the call that still runs."""
        self._is_discarded = True
        self._clean_up_if_over()

    def _is_over(self) -> bool:
        return self._is_discarded and self._file is not None

    def _clean_up(self) -> None:
        file, self._file = self._file, None
        with suppress_errors(OSError):
            if file is not None:
                file.close()
        if not self._is_kept:
            with suppress_errors(OSError):
                self.path.unlink()

    def _failure(self, error: OSError) -> FileError:
        path = excerpt(str(self._folder / self._name))
        return FileError(f"{path} can't be written ({error.strerror or type(error).__name__})")

    def _too_many(self) -> FileError:
        path = excerpt(str(self._folder / self._name))
        return FileError(
            f"{path} exists, with all numbers up to -{_MAX_NUMBERED - 1}: give another folder"
        )


def _remove_empty(path: Path) -> None:
    with suppress_errors(OSError):
        if not path.stat().st_size:
            path.unlink()


def _rename_to_new(path: Path, new: Path) -> bool:
    """Rename a file unless the new name exists; return whether it was renamed."""
    if os.name == "nt":
        try:
            os.rename(path, new)  # raises if the target exists
        except FileExistsError:
            return False
        return True
    try:
        os.link(path, new)
    except FileExistsError:
        return False
    except (OSError, AttributeError) as error:
        if raised_by_signal_handler(error) is not None:
            raise
        # Some systems and file systems have no links: reserve the name by an empty file instead.
        if os.path.lexists(new):
            return False
        try:
            try:
                new.open("xb").close()
            except FileExistsError:
                return False
            os.replace(path, new)
        except BaseException:
            _remove_empty(new)
            raise
        return True
    os.unlink(path)
    return True
