"""An asyncio connection under the HTTP library."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import httpcore

from .._shared.head import HeadSplitter
from .async_exchange import AsyncExchange, under_way
from .exchange import is_connect

# A socket is read ahead of its consumer by this many bytes, then it is paused.
READ_AHEAD = 256 * 1024

# The watchdog keeps the time of a handshake; asyncio's own limit must not come first (seconds).
_FOREVER = 10 * 365 * 24 * 3600.0


class Receiver(asyncio.Protocol):
    """Keeps what the loop has read until somebody takes it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.ended = False
        self.is_lost = False
        self.error: Exception | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        # So `drained` waits until everything is on its way, and a stalled write is noticed.
        transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > READ_AHEAD and self.transport is not None and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self.ended = True
        _wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.is_lost = True
        self.error = self.error or exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._writer = self.loop.create_future()

    def resume_writing(self) -> None:
        _wake(self._writer)
        self._writer = None

    @property
    def has_data(self) -> bool:
        return bool(self._pieces)

    def take(self) -> bytes:
        """Give what has been read, and let the loop read on."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def arrival(self, exchange: AsyncExchange) -> None:
        """Wait until there is something to take, or the end."""
        while not self._pieces and not self.ended:
            self._reader = self.loop.create_future()
            try:
                await exchange.wait(self._reader)
            finally:
                self._reader = None

    async def drained(self, exchange: AsyncExchange) -> None:
        """Wait until everything that was written is on its way."""
        while self._writer is not None and not self.ended:
            await exchange.wait(self._writer)


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


class AsyncSocketStream(httpcore.AsyncNetworkStream):
    """A connection, plain or TLS.

    The HTTP library reads the response heads from it; the body is read by `read_body`.

    Args:
        transport: The connected transport.
        receiver: Its protocol.
    """

    def __init__(self, transport: asyncio.Transport, receiver: Receiver) -> None:
        self._transport = transport
        self._receiver = receiver
        self._splitter = HeadSplitter()
        self._body_start: bytes | None = None
        self._unread = b""
        self._exchange = under_way()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Give the HTTP library bytes of a response head, never of a body."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        head, self._body_start = self._splitter.feed(await self._receive())
        return head

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the whole buffer, as a part of the exchange under way."""
        receiver = self._receiver
        if receiver.ended or self._transport.is_closing():
            raise httpcore.WriteError("the connection was closed")
        self._exchange = under_way()
        self._exchange.check()
        self._exchange.attach(self._drop)
        self._splitter.reset()
        self._body_start, self._unread = None, b""
        if not is_connect(buffer):
            self._exchange.sent(len(buffer))
        self._transport.write(buffer)
        await receiver.drained(self._exchange)

    async def read_body(self) -> bytes:
        """Wait for bytes of the body; `b""` at the end of the connection."""
        if self._body_start:
            data, self._body_start = self._body_start, b""
            return data
        return await self._receive()

    @property
    def has_body(self) -> bool:
        """Whether a response head has been read to its end, so that the body is next."""
        return self._body_start is not None

    def unread(self, data: bytes) -> None:
        """Have the HTTP library read these bytes next."""
        self._unread = data

    async def _receive(self) -> bytes:
        receiver = self._receiver
        if receiver.has_data:
            self._exchange.glance()
        else:
            await receiver.arrival(self._exchange)
        if receiver.has_data:
            return receiver.take()
        if receiver.error is not None:
            raise httpcore.ReadError(str(receiver.error))
        return b""

    async def aclose(self) -> None:
        """Close the socket; what has not been sent is dropped."""
        self._drop()

    def _drop(self) -> None:
        # asyncio can't abort a transport that it has done with.
        if self._receiver.is_lost:
            return
        # A loop that is closed has closed its sockets, or leaves that to the collector.
        with contextlib.suppress(RuntimeError):
            self._transport.abort()

    def abandon(self) -> None:
        """Close the socket from whatever thread."""
        with contextlib.suppress(RuntimeError):
            self._receiver.loop.call_soon_threadsafe(self._drop)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncSocketStream:
        """Do the TLS handshake and give the stream of the encrypted connection."""
        if self._transport.get_extra_info("ssl_object") is not None:
            self._drop()
            raise httpcore.ConnectError(
                "TLS inside TLS: a proxy with an https address can't be used"
            )
        exchange = self._exchange
        handshake = self._receiver.loop.start_tls(
            self._transport,
            self._receiver,
            ssl_context,
            server_hostname=server_hostname,
            ssl_handshake_timeout=_FOREVER,
        )
        try:
            transport = await exchange.run(handshake, _abort)
        except OSError as error:
            self._drop()
            raise httpcore.ConnectError(str(error)) from None
        except BaseException:
            self._drop()
            raise
        if transport is None:
            raise httpcore.ConnectError("the connection was closed in the TLS handshake")
        self._receiver.transport = transport
        return AsyncSocketStream(transport, self._receiver)

    def get_extra_info(self, info: str) -> Any:
        """Give what the HTTP library asks about the connection."""
        if info == "is_readable":
            receiver = self._receiver
            return receiver.ended or receiver.has_data or self._transport.is_closing()
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


def _abort(transport: asyncio.Transport | None) -> None:
    if transport is not None:
        transport.abort()
