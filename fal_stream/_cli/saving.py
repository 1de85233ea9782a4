"""Saving the files of a stream in a folder.

Promises: no file that is there already is changed, no link is followed, and one that could not be
saved whole is not left behind, but for a stream of bytes that broke off. The same address is saved
once. Leaves to others: which files there are (`found`), getting them (`fetch`).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from fal_stream._cli.exits import OutputError
from fal_stream._cli.fetch import fetching
from fal_stream._cli.found import (
    Found,
    find_files,
    is_file_url,
    read_data_url,
    stem_of,
    suffix_of,
)
from fal_stream.errors import ConfigError, excerpt

_MOST_OF_A_NAME = 10_000


class Saver:
    """Saves what a stream brings.

    Args:
        folder: Where; it is made if it isn't there.
        endpoint_id: The endpoint, which the files are named after.
        own_origin: The address of the user's own server, whose files are fetched too, or None.
        max_bytes: How many bytes a file that is fetched may have.
        say: Takes a line for the user.

    Attributes:
        failures: How many files could not be saved.

    Raises:
        ConfigError: The folder can't be made.
    """

    def __init__(
        self,
        folder: Path,
        endpoint_id: str,
        own_origin: str | None,
        max_bytes: int,
        say: Callable[[str], None],
    ) -> None:
        self.failures: int = 0
        self._folder = folder
        self._endpoint_id = endpoint_id
        self._own_origin = own_origin
        self._max_bytes = max_bytes
        self._say = say
        self._seen: set[bytes] = set()
        self._bytes: BinaryIO | None = None
        self._path = folder
        self._size = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror
        else:
            return
        raise ConfigError(f"--output {excerpt(str(folder), 120)} can't be made ({reason})")

    def save(self, chunk: Any, number: int) -> None:
        """Save the files in a chunk. One that can't be had is said and counted.

        Args:
            chunk: A JSON value.
            number: Which chunk it is, 1 for the first.

        Raises:
            OutputError: A file can't be written.
        """
        for found in find_files(chunk, self._own_origin):
            mark = hashlib.sha256(found.url.encode("utf-8", "surrogatepass")).digest()
            if mark in self._seen:
                continue
            self._seen.add(mark)
            stem = stem_of(self._endpoint_id, f"{number:04}", *found.place)
            try:
                self._save(found, stem)
            except _NotToBeHad as error:
                self.failures += 1
                self._say(f"{stem} was not saved: {error}")

    def _save(self, found: Found, stem: str) -> None:
        if found.url[:5].lower() == "data:":
            try:
                said, data = read_data_url(found.url)
            except ValueError as error:
                raise _NotToBeHad(str(error)) from None
            self._write(stem + suffix_of(found.media_type or said), [data])
            return
        try:
            with fetching(found.url, self._is_allowed, self._max_bytes) as (media_type, pieces):
                suffix = suffix_of(found.media_type or media_type, found.url)
                self._write(stem + suffix, pieces)
        except OutputError as error:
            if isinstance(error, _Unwritable):
                raise
            raise _NotToBeHad(str(error)) from None

    def _is_allowed(self, url: str) -> bool:
        return is_file_url(url, self._own_origin)

    def _write(self, name: str, pieces: Iterable[bytes]) -> None:
        file, path = self._create(name)
        size = 0
        try:
            with file:
                for piece in pieces:
                    size += file.write(piece)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _unwritable(path, error) from None
            raise
        self._say(f"saved {excerpt(str(path))} ({size:,} bytes)")

    def add_bytes(self, data: bytes, media_type: str | None) -> None:
        """Save the next bytes of a stream of bytes, all in one file.

        Args:
            data: The bytes.
            media_type: Their media type, or None.

        Raises:
            OutputError: They can't be written.
        """
        if self._bytes is None:
            name = stem_of(self._endpoint_id) + suffix_of(media_type)
            self._bytes, self._path = self._create(name)
        try:
            self._size += self._bytes.write(data)
            self._bytes.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def close(self, is_whole: bool) -> None:
        """End the file of a stream of bytes; say it if there was nothing to save.

        Args:
            is_whole: Whether the stream came to its end.
        """
        if self._bytes is not None:
            with contextlib.suppress(OSError):
                self._bytes.close()
            self._bytes = None
            how = "" if is_whole else ", not all that was to come"
            self._say(f"saved {excerpt(str(self._path))} ({self._size:,} bytes{how})")
        elif is_whole and not self._seen:
            self._say("nothing was saved: no chunk has an image, audio or another file of fal's")

    def _create(self, name: str) -> tuple[BinaryIO, Path]:
        stem, _, suffix = name.rpartition(".")
        for number in range(1, _MOST_OF_A_NAME):
            path = self._folder / (name if number == 1 else f"{stem}-{number}.{suffix}")
            try:
                return path.open("xb"), path
            except FileExistsError:
                continue
            except OSError as error:
                raise _unwritable(path, error) from None
        raise _Unwritable(f"{name} is there {_MOST_OF_A_NAME:,} times: give another --output")


class _Unwritable(OutputError):
    """The folder takes no more."""


class _NotToBeHad(Exception):
    """One file could not be had."""


def _unwritable(path: Path, error: OSError) -> _Unwritable:
    return _Unwritable(f"{excerpt(str(path))} can't be written ({error.strerror})")
