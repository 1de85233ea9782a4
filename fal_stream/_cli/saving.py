"""`--output`: save the files of a stream, and report each one on stderr.

Audio that arrives as base64 in pieces, one in each chunk, is saved as one file. Not here: finding,
downloading and writing files, which the client does (`_sync.saver`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fal_stream._cli.exit_codes import OutputError
from fal_stream._cli.messages import shell_text
from fal_stream._saving.save_path import SavePath, make_folder, parse_save_path
from fal_stream._shared.audio_chunks import AudioReader
from fal_stream._shared.chunk_files import SeenFiles, find_files_in_chunk
from fal_stream._shared.file_hosts import make_file_hosts
from fal_stream._shared.file_limits import FileLimits
from fal_stream._shared.media_types import HEAD_BYTES, sniffed_type, type_of_suffix
from fal_stream._sync.saver import Saver
from fal_stream._sync.stream import FalStream
from fal_stream.errors import FileError, StreamDecodeError, counted, excerpt


class OutputFolder:
    """Saves the files of a stream in a folder, or those of its last chunk under a name.

    `search` is called for each chunk, and `save` for those whose files have to be saved.

    Args:
        path: A folder, which is created if it doesn't exist, or the name of a file, as for
            `stream.save()`.
        stream: The stream.
        hosts: Hosts that files are downloaded from besides fal's own and the user's servers.
        max_bytes: The largest size of a file (bytes).
        say: Prints a line for the user.

    Attributes:
        failures: The number of files that could not be saved; 1 if there was no file.

    Raises:
        ConfigError: The folder can't be created, or a host is not valid.
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
        self._files_in: int | None = None
        self._audio: AudioReader | None = AudioReader(None)
        self._audio_bytes = 0
        self._max_bytes = max_bytes
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

    def search(self, chunk: Any, number: int) -> None:
        """Search a chunk for files, and append its audio to the file of all audio.

        Args:
            chunk: A JSON value, or bytes.
            number: The number of the chunk, from 1.

        Raises:
            OutputError: The audio can't be written.
        """
        if isinstance(chunk, bytes):
            return
        if next(find_files_in_chunk(chunk, self._hosts), None) is not None:
            self._files_in = self._files_in or number
        elif self._audio is not None:
            self._add_audio(self._audio, chunk)

    def _add_audio(self, audio: AudioReader, chunk: Any) -> None:
        try:
            sound = audio.take(chunk)
        except StreamDecodeError as error:
            # The hint is left out, because the command line has no option for the field.
            reason = error.message.partition(". Name the field")[0]
        else:
            self._audio_bytes += len(sound)
            if self._audio_bytes <= self._max_bytes:
                if sound:
                    self.add_bytes(sound, {})
                return
            reason = f"the audio has more than {counted(self._max_bytes, 'byte')}"
        self._audio = None
        if self._audio_bytes:
            self.failures += 1
            self._say(f"the audio was not saved: {shell_text(reason)}")
            self._saver.discard()

    def save(self, chunk: Any, number: int) -> None:
        """Save the files in a chunk, and report and count those that can't be downloaded.

        If a file name was given, only the files of the last chunk are saved, at the end.

        Args:
            chunk: A JSON value.
            number: The number of the chunk, from 1.

        Raises:
            OutputError: A file can't be written.
        """
        if self._has_name:
            self._last = (chunk, number)
        else:
            self._save(chunk, number)

    def _save(self, chunk: Any, number: int) -> None:
        for found in filter(self._once.is_new, find_files_in_chunk(chunk, self._hosts)):
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
        """Append the next bytes of a response body, or of audio in pieces, to one file.

        Raises:
            OutputError: The file can't be written.
        """
        try:
            self._saver.write(data, headers)
        except FileError as error:
            self._check_written(error)
            raise

    def close(self, is_whole: bool) -> None:
        """Complete the file of bytes; if there was nothing to save, report and count a failure.

        Args:
            is_whole: Whether the stream has ended without an error.

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
            if self._saver.paths:
                self._saver.discard()  # the file is all of the audio again
        try:
            path = self._saver.finish()
        except FileError as error:
            self._check_written(error)
            raise
        if path is not None:
            self._say_saved(path)
            if self._audio_bytes:
                self._warn_of_raw_audio(path)
        elif not self._saver.paths and not self.failures:
            self.failures += 1
            what = "image, audio or another file of fal's"
            if self._files_in is None:
                self._say(f"nothing was saved: no chunk has an {what}")
            else:
                self._say(
                    f"nothing was saved: the last chunk has no {what}, and chunk "
                    f"{self._files_in:,} had one: give a folder, without --last"
                )

    def _warn_of_raw_audio(self, path: Path) -> None:
        """Say so if a file that is named like an audio file has no header of one."""
        kind = type_of_suffix(path.suffix) or ""
        if not kind.startswith("audio/") or path.suffix.lower() == ".pcm":
            return
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if sniffed_type(head) is None:
            self._say(
                f"{excerpt(str(path))} is raw audio (PCM) without a header, which players can't "
                "open: the recipes show how to write a WAV file"
            )

    def _say_saved(self, path: Path, how: str = "") -> None:
        self._say(f"saved {excerpt(str(path))} ({path.stat().st_size:,} bytes{how})")

    def _check_written(self, error: FileError) -> None:
        if isinstance(error.__cause__, OSError):
            raise OutputError(error.message) from None


def _save_path_of(path: str) -> SavePath:
    if ".." in Path(path).parts:
        # In a shell, `..` is allowed, because the user has typed it.
        ends = ("/", os.sep)
        path = f"{Path(path).resolve()}{os.sep if path.endswith(ends) else ''}"
    return parse_save_path("--output", path)
