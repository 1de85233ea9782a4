"""Save the files of one stream's chunks, or its response body, in one folder.

Not here: running the stream, and what happens when a file can't be saved (`save_stream`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .._saving.part_file import PartFile
from .._saving.save_path import SavePath
from .._shared.file_limits import FileLimits
from .._shared.file_names import stem_of
from .._shared.found_file import FoundFile
from .._shared.media_types import checked_type, sniffed_type, suffix_of
from ..abort import AbortSignal
from ..errors import FileError
from .dispatch import AsyncDispatcher
from .file_writer import AsyncFileWriter, save_file


class AsyncSaver:
    """Saves the files of one stream.

    Args:
        save_path: The folder or file to save to.
        endpoint_id: The endpoint, which is part of the names of files.
        dispatcher: Sends the requests for files whose URLs are in chunks.
        limits: The limits of each file.
        signal: Aborts downloads. Default: none.
        overwrite: Whether to replace files of the same name. Default False.

    Attributes:
        paths: The paths of the files that were saved.
    """

    def __init__(
        self,
        save_path: SavePath,
        endpoint_id: str,
        dispatcher: AsyncDispatcher,
        limits: FileLimits,
        *,
        signal: AbortSignal | None = None,
        overwrite: bool = False,
    ) -> None:
        self.paths: list[Path] = []
        self._save_path = save_path
        self._endpoint_id = endpoint_id
        self._dispatcher = dispatcher
        self._limits = limits
        self._signal = signal
        self._overwrite = overwrite
        self._part: PartFile | None = None
        self._writer: AsyncFileWriter | None = None

    async def save(self, found: FoundFile, number: int) -> Path:
        """Save a file, and return its path.

        Args:
            found: The file.
            number: The number of its chunk, from 1.

        Raises:
            FileError: The file can't be downloaded, decoded or written. If it can't be written, the
                cause is an `OSError`.
            ConfigError: The client is closed.
        """

        def make_part(fetched_type: str | None) -> PartFile:
            return self._new_part(found.name(self._endpoint_id, number, fetched_type))

        path = await save_file(found, self._dispatcher, self._limits, self._signal, make_part)
        self.paths.append(path)
        return path

    def _new_part(self, name: str) -> PartFile:
        return PartFile(
            self._save_path.folder,
            self._save_path.name or name,
            overwrite=self._overwrite,
            reserved=self.paths,
        )

    async def write(self, data: bytes, headers: Mapping[str, str]) -> None:
        """Append the next bytes of a response body to its file.

        Args:
            data: The bytes.
            headers: The headers of the response, names in lower case.

        Raises:
            FileError: The file can't be written.
        """
        if self._writer is None:
            content_type = checked_type(headers.get("content-type")) or sniffed_type(data)
            name = stem_of(self._endpoint_id, ()) + suffix_of(content_type)
            self._part = self._new_part(name)
            self._writer = AsyncFileWriter(self._part)
        await self._writer.write(data)

    async def finish(self) -> Path | None:
        """Complete the file of a response body, and return its path, or None without a body.

        Raises:
            FileError: The file can't be written.
        """
        if self._writer is None:
            return None
        path = await self._writer.finish()
        self.paths.append(path)
        self._writer = None
        return path

    def discard(self) -> None:
        """Remove the unfinished file of a response body."""
        if self._part is not None:
            self._part.discard()
        self._writer = None

    async def keep(self) -> Path | None:
        """Keep the bytes of a response body that broke off, in a file that ends in `.part`.

        Returns:
            The path of the file, or None if there is none.
        """
        try:
            if self._writer is not None:
                await self._writer.flush()
        except FileError:
            pass  # keep the bytes that were written before
        finally:
            path = self.leave()
        return path

    def leave(self) -> Path | None:
        """Keep the bytes of a response body that were written already, without waiting.

        Returns:
            The path of the file, or None if there is none.
        """
        part = self._part
        if part is None or part.is_whole:
            return None
        part.keep()
        return part.path if os.path.lexists(part.path) else None
