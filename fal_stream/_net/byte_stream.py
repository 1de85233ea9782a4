"""The interface of an event loop's connection, which sends and receives bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

# The largest number of bytes that are read at once.
READ_BYTES = 64 * 1024

ExchangeT = TypeVar("ExchangeT")


class ByteStream(ABC, Generic[ExchangeT]):
    """A connection that carries bytes."""

    @abstractmethod
    async def receive(self, exchange: ExchangeT) -> bytes:
        """Wait for bytes.

        Args:
            exchange: Applies the timeouts and the abort.

        Returns:
            Some bytes, or `b""` at the end of the connection.

        Raises:
            OSError: The connection broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """

    @abstractmethod
    async def send(self, exchange: ExchangeT, data: bytes, sent: Callable[[int], None]) -> None:
        """Send bytes.

        Args:
            exchange: Applies the timeouts and the abort.
            data: The bytes.
            sent: Is called with the number of bytes each time some are handed to the network.

        Raises:
            OSError: The connection broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """

    @abstractmethod
    def is_idle(self) -> bool:
        """Return whether the connection is open and no bytes have arrived: it can be used again."""

    @abstractmethod
    async def process_pending_io(self) -> None:
        """Let the event loop read the bytes that have arrived."""

    @abstractmethod
    def poll(self) -> bytes | None:
        """Return the bytes that have arrived, without waiting.

        Returns:
            Some bytes, `b""` at the end of the connection, or None if no bytes have arrived.

        Raises:
            OSError: The connection broke.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection, in its event loop; bytes that have not been sent are discarded."""

    @abstractmethod
    def abandon(self) -> None:
        """Close the connection from any thread."""

    @abstractmethod
    def get_extra_info(self, info: str) -> Any:
        """Return a value as httpx's extension `network_stream` does."""
