"""`--output`: save the files of a stream, and report each one on stderr.

Elsewhere: finding, downloading and writing files, which the client does (`_sync.saver`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fal_stream._cli.exit_codes import OutputError
from fal_stream._cli.messages import shell_text
from fal_stream._saving.save_path import SavePath, make_folder, parse_save_path
from fal_stream._shared.file_hosts import make_file_hosts
from fal_stream._shared.file_limits import FileLimits
from fal_stream._shared.find_files import SeenFiles, find_in
from fal_stream._sync.saver import Saver
from fal_stream._sync.stream import FalStream
from fal_stream.errors import FileError, excerpt


class OutputFolder:
    """Saves what a stream brings in a folder, or the files of its last chunk under a name.

    Args:
        path: A folder, which is made if it isn't there, or the name of a file, as for
            `stream.save()`.
        stream: The stream.
        hosts: Hosts that files are fetched from besides fal's own and the user's servers.
        max_bytes: How many bytes a file may have.
        say: Takes a line for the user.

    Attributes:
        failures: How many files could not be saved.

    Raises:
        ConfigError: The folder can't be made, or a host is none.
    """

    def __init__(
        self,
        path: str,
        stream: FalStream[Any],
        hosts: list[str],
        max_bytes: int,
        say: Callable[[str], None],
    ) -> None:
        self.failures: int = 0
        self._endpoint_id = stream.endpoint_id
        self._hosts = make_file_hosts(stream.config, hosts)
        self._say = say
        self._once = SeenFiles()
        self._last: tuple[Any, int] | None = None
        save_path = _save_path_of(path)
        self._has_name = save_path.name is not None
        make_folder("--output", save_path)
        self._saver = Saver(
            save_path,
            stream.endpoint_id,
            stream._dispatcher,
            FileLimits(max_bytes),
            signal=stream.options.get("signal"),
        )

    def save(self, chunk: Any, number: int) -> None:
        """Save the files in a chunk. One that can't be had is said and counted.

        Where a name was given, those of the last chunk are saved, at the end.

        Args:
            chunk: A JSON value.
            number: Which chunk it is, 1 for the first.

        Raises:
            OutputError: A file can't be written.
        """
        if self._has_name:
            self._last = (chunk, number)
        else:
            self._save(chunk, number)

    def _save(self, chunk: Any, number: int) -> None:
        for found in filter(self._once.is_new, find_in(chunk, self._hosts)):
            try:
                path = self._saver.save(found, number)
            except FileError as error:
                self._check_written(error)
                self.failures += 1
                stem = found.stem(self._endpoint_id, number)
                self._say(f"{stem} was not saved: {shell_text(error.message)}")
            else:
                self._say_saved(path)

    def add_bytes(self, data: bytes, headers: Any) -> None:
        """Save the next bytes of a stream of bytes, all in one file.

        Args:
            data: The bytes.
            headers: The headers of the response.

        Raises:
            OutputError: They can't be written.
        """
        try:
            self._saver.write(data, headers)
        except FileError as error:
            self._check_written(error)
            raise

    def close(self, is_whole: bool) -> None:
        """End the file of a stream of bytes; say it if there was nothing to save.

        Args:
            is_whole: Whether the stream came to its end.

        Raises:
            OutputError: The file can't be written.
        """
        if not is_whole:
            path = self._saver.keep()
            if path is not None:
                self._say_saved(path, ", not all that was to come")
            return
        if self._last is not None:
            self._save(*self._last)
        try:
            path = self._saver.finish()
        except FileError as error:
            self._check_written(error)
            raise
        if path is not None:
            self._say_saved(path)
        elif not self._saver.paths and not self.failures:
            which = "the last chunk has no" if self._has_name else "no chunk has an"
            self._say(f"nothing was saved: {which} image, audio or another file of fal's")

    def _say_saved(self, path: Path, how: str = "") -> None:
        self._say(f"saved {excerpt(str(path))} ({path.stat().st_size:,} bytes{how})")

    def _check_written(self, error: FileError) -> None:
        if isinstance(error.__cause__, OSError):
            raise OutputError(error.message) from None


def _save_path_of(path: str) -> SavePath:
    if ".." in Path(path).parts:
        # In a shell it is meant.
        ends = ("/", os.sep)
        path = f"{Path(path).resolve()}{os.sep if path.endswith(ends) else ''}"
    return parse_save_path("--output", path)
