"""The asyncio network under the HTTP library: each wait is for one future.

The exchange under way puts an exception into that future when a limit runs out or the exchange
is aborted. Where nobody waits, an abort closes the connection itself; an exchange lets go of it
before it goes back to the pool, so that a late abort can't hit the next user. One timer serves
a whole exchange; it is set anew only when it fires, not with each read.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

import httpcore

from .._shared.head import HeadSplitter
from .._shared.watchdog import Watchdog
from .exchange import Aborted, BaseExchange, current
from .resolver import Found, address_of, look_up

# A socket is read ahead of its consumer by this many bytes, then it is paused.
READ_AHEAD = 256 * 1024

T = TypeVar("T")


class AsyncExchange(BaseExchange):
    """See `BaseExchange`; the asyncio flavour, of the loop that it is made in."""

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__(watchdog)
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._close: Callable[[], None] | None = None

    def abort(self) -> None:
        """See `BaseExchange`."""
        self.aborted = True
        # A loop that is closed has nobody waiting.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Aborted())
        elif self._close is not None:
            # Its reader may never come back; the server is to be told all the same.
            self._close()

    def attach(self, close: Callable[[], None]) -> None:
        """Name what closes the connection of the exchange; called by an abort in the loop."""
        self._close = close

    def detach(self) -> bool:
        """Let go of the connection.

        Returns:
            Whether no abort has touched it, so that others may use it.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._close = None
        return not self.aborted

    def check(self) -> None:
        """Raise Aborted after an abort."""
        if self.aborted:
            raise Aborted

    def glance(self) -> None:
        """Go by the rules of a wait where there is nothing to wait for.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.check()
        self.watchdog.enter()
        self.watchdog.leave()

    async def wait(self, future: asyncio.Future[T]) -> T:
        """Wait for a future.

        Args:
            future: The future; it is given the exception if the wait is in vain.

        Returns:
            Its result.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        self.check()
        watchdog = self.watchdog
        self._set_timer(watchdog.enter())
        self._waiter = future
        try:
            return await future
        finally:
            self._waiter = None
            watchdog.leave()

    async def run(self, work: Coroutine[Any, Any, T], undo: Callable[[T], None]) -> T:
        """Wait for a coroutine, in a task of its own that is cancelled if the wait is in vain.

        Args:
            work: The coroutine.
            undo: Frees its result where it came too late.

        Returns:
            Its result.
        """
        task = self._loop.create_task(work)
        finished: asyncio.Future[None] = self._loop.create_future()

        def finish(_: asyncio.Task[T]) -> None:
            if not finished.done():
                finished.set_result(None)

        task.add_done_callback(finish)
        try:
            await self.wait(finished)
        except BaseException:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                undo(task.result())
            raise
        return task.result()

    def _set_timer(self, seconds: float) -> None:
        if seconds == float("inf"):
            return
        due = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        expired = self.watchdog.expired()
        if expired is not None:
            self._fail(expired)
        else:
            self._set_timer(self.watchdog.remaining())

    def _fail(self, reason: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(reason)


def _under_way() -> AsyncExchange:
    exchange = current.get()
    if not isinstance(exchange, AsyncExchange):
        raise RuntimeError("the network is used without an exchange")
    return exchange


class _Receiver(asyncio.Protocol):
    """Keeps what the loop has read until somebody takes it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.ended = False
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
        self.ended = True
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

    def __init__(self, transport: asyncio.Transport, receiver: _Receiver) -> None:
        self._transport = transport
        self._receiver = receiver
        self._splitter = HeadSplitter()
        self._body_start: bytes | None = None
        self._unread = b""
        self._exchange = _under_way()

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
        self._exchange = _under_way()
        self._exchange.check()
        self._exchange.attach(self._transport.abort)
        self._splitter.reset()
        self._body_start, self._unread = None, b""
        self._exchange.bytes_sent += len(buffer)
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
        # A loop that is closed has closed its sockets, or leaves that to the collector.
        with contextlib.suppress(RuntimeError):
            self._transport.abort()

    def abandon(self) -> None:
        """Close the socket from whatever thread."""
        with contextlib.suppress(RuntimeError):
            self._receiver.loop.call_soon_threadsafe(self._transport.abort)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncSocketStream:
        """Do the TLS handshake and give the stream of the encrypted connection."""
        if self._transport.get_extra_info("ssl_object") is not None:
            self._transport.abort()
            raise httpcore.ConnectError(
                "TLS inside TLS: a proxy with an https address can't be used"
            )
        exchange = self._exchange
        # The watchdog keeps the time of the handshake; asyncio's own limit must not come first.
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
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from None
        except BaseException:
            self._transport.abort()
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


_FOREVER = 10 * 365 * 24 * 3600.0


def _abort(transport: asyncio.Transport | None) -> None:
    if transport is not None:
        transport.abort()


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Connects under the watchdog of the exchange under way."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncSocketStream:
        """Connect to a host; each of its addresses is tried."""
        exchange = _under_way()
        hosts = await _resolve(exchange, host, port)
        reason = "the name has no address"
        for left in range(len(hosts), 0, -1):
            try:
                work = _open(hosts[-left], port, None if left == 1 else ADDRESS_PATIENCE)
                transport, receiver = await exchange.run(work, lambda made: made[0].abort())
                return AsyncSocketStream(transport, receiver)
            except OSError as error:
                reason = str(error)
        raise httpcore.ConnectError(f"{host}:{port}: {reason}")


# How long one of several addresses is tried before the next (seconds).
ADDRESS_PATIENCE = 10.0


async def _open(
    host: str, port: int, patience: float | None
) -> tuple[asyncio.Transport, _Receiver]:
    loop = asyncio.get_running_loop()
    try:
        made = await asyncio.wait_for(loop.create_connection(_Receiver, host, port), patience)
    except asyncio.TimeoutError:
        raise TimeoutError("no answer") from None
    return made


async def _resolve(exchange: AsyncExchange, host: str, port: int) -> list[str]:
    if address_of(host, port) is not None:
        return [host]
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Found] = loop.create_future()

    def settle(found: Found) -> None:
        if not answer.done():
            answer.set_result(found)

    def deliver(found: Found) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, found)

    look_up(host, port, deliver)
    found = await exchange.wait(answer)
    if isinstance(found, OSError):
        raise httpcore.ConnectError(f"{host}: {found}")
    return [str(address.target[0]) for address in found]
