"""A connection of an event loop as our own network sees it: bytes and nothing else."""

from __future__ import annotations

import errno
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .resolver import Address

# As much is read at a time.
READ_BYTES = 256 * 1024

_CONNECTING = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)}

ExchangeT = TypeVar("ExchangeT")


def begin_to_connect(address: Address) -> socket.socket:
    """Give a socket that is about to be connected; it can be written to when it is, or never.

    Args:
        address: Where to.

    Raises:
        OSError: It can't be.
    """
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        code = sock.connect_ex(address.target)
        if code not in _CONNECTING:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def check_connected(sock: socket.socket) -> None:
    """Raise an OSError where connecting has failed."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


class Wire(ABC, Generic[ExchangeT]):
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
        """Give what the HTTP library asks about it."""
