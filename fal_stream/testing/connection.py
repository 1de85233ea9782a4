"""One connection of a client: read and write bytes, and notice a disconnect.

Promises: a wait ends when the client disconnects. A send returns when the operating system has
accepted the bytes, so a slow reader slows the script down, and memory stays bounded.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import struct
from collections.abc import Callable
from typing import cast

from fal_stream.testing.request import MAX_HEAD_BYTES

__all__ = ["ClientGone", "Connection"]

_FLUSH_POLL_SECONDS = 0.002
_SEND_BYTES = 1024 * 1024
_RESET_ON_CLOSE = struct.pack("hh" if hasattr(socket, "AF_HYPERV") else "ii", 1, 0)


class ClientGone(Exception):
    """The client has disconnected."""


class Connection(asyncio.Protocol):
    """One connection, from its acceptance to its end.

    Args:
        on_open: Is called when the connection was made.
        on_closed: Is called once, when the connection is closed.

    Attributes:
        reader: The bytes that the client sends.
    """

    def __init__(
        self,
        on_open: Callable[[Connection], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        self._on_open = on_open
        self._on_closed = on_closed
        self._client_left = asyncio.get_running_loop().create_future()
        self._writable = asyncio.Event()
        self._writable.set()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set up the connection."""
        self._socket_transport = cast(asyncio.Transport, transport)
        # asyncio sets it only for sockets that were created with the protocol number of TCP.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader: asyncio.StreamReader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
        self._attach(self._socket_transport)
        self._on_open(self)

    def data_received(self, data: bytes) -> None:
        """Pass the client's bytes to the reader."""
        self.reader.feed_data(data)

    def eof_received(self) -> bool:
        """Handle that the client sends no more, which counts as disconnected."""
        self._leave()
        self.reader.feed_eof()
        # Keep the connection open for writing, except under TLS: the script decides when to close.
        return self._transport is self._socket_transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle that the connection is closed."""
        self._leave()
        self.reader.feed_eof()
        self._on_closed(self)

    def pause_writing(self) -> None:
        """Make senders wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let senders continue."""
        self._writable.set()

    # Called by the server.

    @property
    def peer(self) -> str:
        """The client's address and port."""
        host, port, *_ = self._socket_transport.get_extra_info("peername") or ("", 0)
        return f"{host}:{port}"

    @property
    def client_gone(self) -> bool:
        """Whether the client has disconnected, or the connection is closed."""
        return self._client_left.done()

    async def open(self, context: ssl.SSLContext | None) -> None:
        """Make the connection ready, after a TLS handshake if there is a TLS context.

        It must be called right after the connection was made, before the event loop reads data.

        Args:
            context: The TLS context with the server's certificate, or None for plain TCP.

        Raises:
            OSError: The handshake failed.
        """
        if context is not None:
            self._attach(await self._start_tls(context))
        # Only now, because a reader can't change its transport, and the client's first request may
        # arrive before the handshake is complete here.
        self.reader.set_transport(self._transport)

    async def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            ClientGone: The client has disconnected.
        """
        # In pieces, because asyncio copies bytes that it can't send at once.
        view = memoryview(data)
        for start in range(0, len(data), _SEND_BYTES):
            # Let the event loop handle other connections, and notice a disconnect.
            await asyncio.sleep(0)
            if self.client_gone:
                raise ClientGone
            self._transport.write(view[start : start + _SEND_BYTES])
            await self._flush()

    async def wait(self, seconds: float) -> None:
        """Wait for a number of seconds; infinity waits until the client disconnects.

        Raises:
            ClientGone: The client has disconnected.
        """
        timeout = None if math.isinf(seconds) else seconds
        await asyncio.wait([self._client_left], timeout=timeout)
        if self.client_gone:
            raise ClientGone

    def close(self) -> None:
        """Close the connection properly, after everything was sent."""
        self._transport.close()

    def cut(self, *, reset: bool) -> None:
        """Break the connection, without TLS's `close_notify`.

        Args:
            reset: Whether to break it with a TCP reset.
        """
        sock = self._socket_transport.get_extra_info("socket")
        try:
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            else:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client has closed it already
        self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        # asyncio raises an AttributeError if it has closed the socket already.
        if self._socket_transport.get_extra_info("socket").fileno() == -1:
            return
        self._transport.abort()
        self._socket_transport.abort()

    async def _start_tls(self, context: ssl.SSLContext) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self._socket_transport, self, context, server_side=True
            )
        except BaseException as error:
            # asyncio doesn't tell a protocol that the connection was lost in the handshake.
            self.abort()
            loop.call_soon(self.connection_lost, error if isinstance(error, OSError) else None)
            raise
        if transport is None:
            raise ConnectionResetError("The connection was lost in the TLS handshake")
        return transport

    def _attach(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        # The lowest limits that every event loop accepts: a send waits until the buffer is empty.
        transport.set_write_buffer_limits(high=1, low=0)

    def _leave(self) -> None:
        if not self._client_left.done():
            self._client_left.set_result(None)
        self._writable.set()

    async def _flush(self) -> None:
        await self._writable.wait()
        # With TLS, there is a second buffer.
        while self._socket_transport.get_write_buffer_size() and not self.client_gone:
            await asyncio.sleep(_FLUSH_POLL_SECONDS)
        if self._socket_transport.get_write_buffer_size():
            raise ClientGone
