"""The file downloader of a client; its code (`fetch`) is imported with the first download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..abort import AbortSignal
from .dispatch import AsyncDispatcher
from .http.sender import AsyncSender

if TYPE_CHECKING:
    from .._shared.find_files import FoundFile
    from .fetch import AsyncDownload


class AsyncFetcher:
    """Fetches files for one client.

    Args:
        dispatcher: Sends its requests.
        sender: The connections that they go by.
    """

    def __init__(self, dispatcher: AsyncDispatcher, sender: AsyncSender) -> None:
        self._dispatcher = dispatcher
        self._sender = sender

    async def download(
        self, found: FoundFile, max_bytes: int, timeout: float | None, signal: AbortSignal | None
    ) -> AsyncDownload:
        """Ask for a file and wait for the head of the answer.

        Args:
            found: The file.
            max_bytes: How many bytes it may have.
            timeout: How many seconds it may take, or None for no limit.
            signal: Ends it when it is aborted, or None.

        Returns:
            The file, to be read and released.

        Raises:
            FileError: It can't be had.
            ConfigError: The client is closed.
        """
        from .fetch import AsyncDownload

        download = AsyncDownload(found, max_bytes, timeout, self._dispatcher, self._sender)
        await download.start(signal)
        return download
