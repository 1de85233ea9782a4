"""The interface of a connection of an event loop: it sends and receives bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

# How much is read at once.
READ_BYTES = 64 * 1024

ExchangeT = TypeVar("ExchangeT")


class ByteStream(ABC, Generic[ExchangeT]):
    """A connection that carries bytes."""

    @abstractmethod
    async def receive(self, exchange: ExchangeT) -> bytes:
        """Wait for bytes.

        Args:
            exchange: Carries the limits and the abort.

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
            exchange: Carries the limits and the abort.
            data: The bytes.
            sent: Told how many bytes have been handed on.

        Raises:
            OSError: The connection broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """

    @abstractmethod
    def is_silent(self) -> bool:
        """Return whether it is open and nothing has come, so that it can carry another request."""

    @abstractmethod
    async def process_pending_io(self) -> None:
        """Have the event loop read what has come."""

    @abstractmethod
    def poll(self) -> bytes | None:
        """Take what has come, without waiting.

        Returns:
            Some bytes, `b""` at the end of the connection, None where nothing has come.

        Raises:
            OSError: The connection broke.
        """

    @abstractmethod
    def close(self) -> None:
        """Close it; what has not been sent is dropped. Called in its event loop."""

    @abstractmethod
    def abandon(self) -> None:
        """Close it, from whatever thread."""

    @abstractmethod
    def extra(self, info: str) -> Any:
        """Return what httpx's extension `network_stream` tells about a connection."""
