"""The byte stream interface (`byte_stream`) on asyncio: a protocol over a transport."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, cast

from .asyncio_exchange import AsyncioExchange, wake
from .byte_stream import READ_BYTES, ByteStream
from .sockets import is_readable, shut_down

_WRITE_BYTES = 256 * 1024

_NAMES = {"client_addr": "sockname", "server_addr": "peername"}


class Receiver(asyncio.Protocol):
    """Buffers the bytes that the event loop has read."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended = False
        self.is_lost = False
        self.error: Exception | None = None
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of `asyncio.Transport`.
        self._transport = cast(asyncio.Transport, transport)
        # So that `drained` waits until everything was sent, and a stalled write times out.
        self._transport.set_write_buffer_limits(0)
        # By default asyncio reads up to 256 KiB at once, for which memory is mapped each time.
        # uvloop has a buffer of its own.
        with contextlib.suppress(AttributeError):
            cast(Any, self._transport).max_size = READ_BYTES

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        # Pause reading if the consumer is slower than the server.
        if self._size > READ_BYTES and self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        wake(self._reader)

    def eof_received(self) -> bool:
        self.ended = True
        wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.is_lost = True
        self.error = self.error or exc
        wake(self._reader)
        wake(self._writer)

    def pause_writing(self) -> None:
        self._writer = self.loop.create_future()

    def resume_writing(self) -> None:
        wake(self._writer)
        self._writer = None

    @property
    def has_data(self) -> bool:
        return bool(self._pieces)

    def take(self) -> bytes:
        """Return the buffered bytes, and resume reading."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def arrival(self) -> asyncio.Future[None]:
        """Return a future that is done when there are bytes to take, or at the end."""
        self._reader = self.loop.create_future()
        return self._reader

    async def drained(self, exchange: AsyncioExchange) -> None:
        """Wait until the system has accepted everything that was written."""
        while self._writer is not None and not self.ended:
            await exchange.wait(self._writer)


class AsyncioStream(ByteStream[AsyncioExchange]):
    """See `ByteStream`; on asyncio."""

    def __init__(self, transport: asyncio.Transport, receiver: Receiver) -> None:
        self._transport = transport
        self._receiver = receiver

    async def receive(self, exchange: AsyncioExchange) -> bytes:
        """See `ByteStream`."""
        receiver = self._receiver
        if receiver.has_data:
            exchange.checkpoint()
        while not receiver.has_data:
            if receiver.error is not None:
                raise _broken(receiver.error)
            if receiver.ended:
                return b""
            await exchange.wait(receiver.arrival())
        return receiver.take()

    async def send(
        self, exchange: AsyncioExchange, data: bytes, sent: Callable[[int], None]
    ) -> None:
        """See `ByteStream`."""
        receiver = self._receiver
        exchange.raise_if_aborted()
        # In pieces, so that the progress of a large body is visible.
        rest = data if len(data) <= _WRITE_BYTES else memoryview(data)
        # The head of a request contains the key, and a traceback may show each variable.
        del data
        while rest:
            if receiver.ended or self._transport.is_closing():
                raise ConnectionError("the connection was closed")
            sent(min(len(rest), _WRITE_BYTES))
            self._transport.write(rest[:_WRITE_BYTES])
            rest = rest[_WRITE_BYTES:]
            await receiver.drained(exchange)

    def is_idle(self) -> bool:
        """See `ByteStream`."""
        receiver, transport = self._receiver, self._transport
        if receiver.has_data or receiver.ended or transport.is_closing():
            return False
        # The event loop reads its sockets only in its iterations.
        return not is_readable(transport.get_extra_info("socket"))

    async def process_pending_io(self) -> None:
        """See `ByteStream`."""
        # In the first iteration, this task resumes before the event loop has read its sockets.
        for _ in range(2):
            await asyncio.sleep(0)

    def poll(self) -> bytes | None:
        """See `ByteStream`."""
        receiver = self._receiver
        if receiver.has_data:
            return receiver.take()
        if receiver.error is not None:
            raise _broken(receiver.error)
        return b"" if receiver.ended or self._transport.is_closing() else None

    def close(self) -> None:
        """See `ByteStream`."""
        # asyncio can't abort a transport whose connection is lost already.
        if self._receiver.is_lost:
            return
        # The event loop closes the socket only in its next iteration, but the server should notice
        # at once.
        shut_down(self._transport.get_extra_info("socket"))
        # A closed event loop has closed its sockets, or leaves that to the garbage collector.
        with contextlib.suppress(RuntimeError):
            self._transport.abort()

    def abandon(self) -> None:
        """See `ByteStream`."""
        with contextlib.suppress(RuntimeError):
            self._receiver.loop.call_soon_threadsafe(self.close)

    def get_extra_info(self, info: str) -> Any:
        """See `ByteStream`."""
        return self._transport.get_extra_info(_NAMES.get(info, info))


def _broken(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(str(error))


async def stream_from_socket(sock: socket.socket) -> AsyncioStream:
    """Return a connection for a connected socket; close the socket if that fails."""
    loop = asyncio.get_running_loop()
    try:
        transport, receiver = await loop.create_connection(Receiver, sock=sock)
    except BaseException:
        sock.close()
        raise
    return AsyncioStream(transport, receiver)
