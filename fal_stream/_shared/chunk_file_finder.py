"""Find the files in the chunks of one stream, each once; `stream.files()` returns them.

Promises: pure. Files that were found in a chunk and not taken yet are kept for the next consumer.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import FileError
from .chunk_fields import shown_chunks
from .chunk_files import SeenFiles, find_files_in_chunk
from .file_hosts import FileHosts
from .found_file import FoundFile


class ChunkFileFinder:
    """Finds the files in one chunk after the other.

    Args:
        hosts: The hosts that files may be downloaded from.

    Attributes:
        hosts: The hosts that files may be downloaded from.
        found: The files of the last chunk that were not taken yet.
        has_found: Whether a file was taken.
        chunk_count: The number of chunks that were searched.
    """

    def __init__(self, hosts: FileHosts) -> None:
        self.hosts = hosts
        self.found: Iterator[FoundFile] = iter(())
        self.has_found = False
        self.chunk_count = 0
        self._last: object = None
        self._once = SeenFiles()

    def take(self, chunk: object) -> None:
        """Find the files in a chunk."""
        self.chunk_count += 1
        self._last = chunk
        if not isinstance(chunk, bytes):
            self.found = filter(self._once.is_new, find_files_in_chunk(chunk, self.hosts))

    def missing_error(self) -> FileError:
        """Return the error of a stream without a file."""
        what = shown_chunks(self.chunk_count, self._last)
        return FileError(
            f"There is no file in the stream: {what}. For files on hosts other than fal's, name "
            "these hosts in `hosts`; iterate the stream to see what it gives"
        )
