"""Save the files of one stream's chunks, or its response body, in one folder.

Elsewhere: running the stream (`save_stream`), and what happens when a file can't be saved.
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
from .save import AsyncFileWriter, save_file


class AsyncSaver:
    """Saves the files of one stream.

    Args:
        save_path: Where they go.
        endpoint_id: The endpoint, which they are named after.
        dispatcher: Sends the requests for those that chunks name by their addresses.
        limits: The limits of each file.
        signal: Ends fetching when it is aborted. Default None: nothing does.
        overwrite: Whether files of the same name are replaced. Default False.

    Attributes:
        paths: The files that were saved.
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
        """Save a file.

        Args:
            found: The file.
            number: The number of its chunk, from 1.

        Returns:
            The path of the saved file.

        Raises:
            FileError: It can't be had or written; OSError is its cause where it can't be written.
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
            taken=self.paths,
        )

    async def write(self, data: bytes, headers: Mapping[str, str]) -> None:
        """Put the next bytes of a body to its file.

        Args:
            data: The bytes.
            headers: The headers of the response, names in lower case.

        Raises:
            FileError: They can't be written, or are too many.
        """
        if self._writer is None:
            content_type = checked_type(headers.get("content-type")) or sniffed_type(data)
            name = stem_of(self._endpoint_id, ()) + suffix_of(content_type)
            self._part = self._new_part(name)
            self._writer = AsyncFileWriter(self._part)
        await self._writer.write(data)

    async def finish(self) -> Path | None:
        """End the file of a body that is whole.

        Returns:
            Where it was saved, or None where there was no body.

        Raises:
            FileError: It can't be written.
        """
        if self._writer is None:
            return None
        path = await self._writer.finish()
        self.paths.append(path)
        self._writer = None
        return path

    def give_up(self) -> None:
        """Remove what there is of a body."""
        if self._part is not None:
            self._part.give_up()
        self._writer = None

    async def keep(self) -> Path | None:
        """Leave what there is of a body that broke off, under a name that ends in `.part`.

        Returns:
            Where it is, or None where there is nothing.
        """
        try:
            if self._writer is not None:
                await self._writer.flush()
        except FileError:
            pass  # files that were written before are kept
        finally:
            path = self.leave()
        return path

    def leave(self) -> Path | None:
        """Leave what there is of a body, without a wait for the last of it to be written.

        Returns:
            Where it is, or None where there is nothing.
        """
        part = self._part
        if part is None or part.is_whole:
            return None
        part.keep()
        return part.path if os.path.lexists(part.path) else None
