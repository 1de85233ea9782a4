"""The byte stream interface (`byte_stream`) on trio."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio

from .byte_stream import READ_BYTES, ByteStream
from .sockets import is_readable
from .trio_exchange import TrioExchange


class TrioStream(ByteStream[TrioExchange]):
    """See `ByteStream`; on trio.

    Args:
        sock: The connected socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._token = trio.lowlevel.current_trio_token()
        self._is_waited_for = False

    async def receive(self, exchange: TrioExchange) -> bytes:
        """See `ByteStream`."""
        # Without a checkpoint, a server that sends all the time would block the other tasks.
        await trio.lowlevel.checkpoint()
        exchange.checkpoint()
        while True:
            data = self.poll()
            if data is not None:
                return data
            await self._wait(exchange, trio.lowlevel.wait_readable)

    async def send(self, exchange: TrioExchange, data: bytes, sent: Callable[[int], None]) -> None:
        """See `ByteStream`."""
        rest = memoryview(data)
        # The head of a request contains the key, and a traceback may show each variable.
        del data
        await trio.lowlevel.checkpoint()
        exchange.raise_if_aborted()
        while rest:
            try:
                count = self._sock.send(rest)
            except BlockingIOError:
                await self._wait(exchange, trio.lowlevel.wait_writable)
            else:
                sent(count)
                rest = rest[count:]

    async def _wait(
        self, exchange: TrioExchange, ready: Callable[[socket.socket], Awaitable[None]]
    ) -> None:
        self._is_waited_for = True
        try:
            await exchange.wait(partial(ready, self._sock))
        except trio.ClosedResourceError:
            raise ConnectionError("the connection was closed") from None
        finally:
            self._is_waited_for = False

    def is_idle(self) -> bool:
        """See `ByteStream`."""
        return not is_readable(self._sock)

    async def process_pending_io(self) -> None:
        """See `ByteStream`; nothing to do, because `poll` reads from the socket."""

    def poll(self) -> bytes | None:
        """See `ByteStream`."""
        try:
            return self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """See `ByteStream`."""
        # After the end of the trio run, nothing waits for the socket.
        with contextlib.suppress(RuntimeError):
            trio.lowlevel.notify_closing(self._sock)
        self._sock.close()

    def abandon(self) -> None:
        """See `ByteStream`."""
        if not self._is_waited_for:
            # Closed at once: if the garbage collector calls this, it finalizes the socket next.
            self._sock.close()
            return
        try:
            self._token.run_sync_soon(self.close)
        except trio.RunFinishedError:
            self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        """See `ByteStream`."""
        if info == "socket":
            return self._sock
        if info == "client_addr":
            return self._sock.getsockname()
        if info == "server_addr":
            return self._sock.getpeername()
        return None
