"""The blocking network under the HTTP library: each wait is cut into slices.

Before each slice the watchdog and the abort flag are asked. An abort from another thread shuts
the socket down, which wakes a blocked read at once; where it wakes nobody, the slice does.

Two races are closed by construction. An exchange lets go of its socket *before* the connection
goes back to the pool, under the lock that `abort` takes, so that a late abort can't hit the next
user. And a stream whose socket was shut down says so: it refuses to write, when nothing has been
sent yet and a new connection is safe.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpcore

from .._shared.head import HeadSplitter
from .._shared.watchdog import Watchdog
from .exchange import Aborted, BaseExchange, current
from .resolver import Address, Found, address_of, look_up
from .runtime import SLICE

READ_BYTES = 256 * 1024

# How long one of several addresses is tried before the next (seconds).
ADDRESS_PATIENCE = 10.0

_CONNECTING = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)}

T = TypeVar("T")


class Exchange(BaseExchange):
    """See `BaseExchange`; the blocking flavour."""

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__(watchdog)
        # Reentrant: a signal handler or a finalizer may abort while its own thread is in here.
        self._lock = threading.RLock()
        self._wake: Callable[[], None] | None = None

    def abort(self) -> None:
        """See `BaseExchange`."""
        with self._lock:
            self.aborted = True
            if self._wake is not None:
                self._wake()

    def attach(self, wake: Callable[[], None]) -> None:
        """Name what wakes the wait that is to come; called at once after an abort."""
        with self._lock:
            self._wake = wake
            if self.aborted:
                wake()

    def detach(self) -> bool:
        """Let go of the connection.

        Returns:
            Whether no abort has touched it, so that others may use it.
        """
        with self._lock:
            self._wake = None
            return not self.aborted

    def check(self) -> None:
        """Raise Aborted after an abort."""
        if self.aborted:
            raise Aborted

    def wait(self, once: Callable[[float], T | None]) -> T:
        """Wait for something in slices.

        Args:
            once: Waits for at most the given seconds and gives None if it was in vain.

        Returns:
            What `once` gave.

        Raises:
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        watchdog = self.watchdog
        while True:
            if self.aborted:
                raise Aborted
            seconds = watchdog.enter()
            try:
                result = once(seconds if seconds < SLICE else SLICE)
            finally:
                watchdog.leave()
            if result is not None:
                return result


def _under_way() -> Exchange:
    exchange = current.get()
    if not isinstance(exchange, Exchange):
        raise RuntimeError("the network is used without an exchange")
    return exchange


def _is_ready(sock: socket.socket, event: int, seconds: float) -> bool:
    with getattr(selectors, "PollSelector", selectors.SelectSelector)() as selector:
        selector.register(sock, event)
        return bool(selector.select(seconds))


class SocketStream(httpcore.NetworkStream):
    """A connection, plain or TLS.

    The HTTP library reads the response heads from it; the body is read by `read_body`.

    Args:
        sock: The connected socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._timeout: float | None = -1.0
        self._shut = False
        self._splitter = HeadSplitter()
        self._body_start: bytes | None = None
        self._unread = b""
        self._exchange = _under_way()
        self._exchange.attach(self._shut_down)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Give the HTTP library bytes of a response head, never of a body."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        head, self._body_start = self._splitter.feed(self._receive(max_bytes))
        return head

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the whole buffer, as a part of the exchange under way."""
        if self._shut:
            raise httpcore.WriteError("the connection was shut down")
        exchange = _under_way()
        if exchange is not self._exchange:
            self._exchange = exchange
            exchange.attach(self._shut_down)
        self._splitter.reset()
        self._body_start, self._unread = None, b""
        rest = memoryview(buffer)

        def send(seconds: float) -> int | None:
            return self._try(lambda: self._sock.send(rest), seconds)

        while rest:
            try:
                sent = exchange.wait(send)
            except OSError as error:
                exchange.check()
                raise httpcore.WriteError(str(error)) from None
            exchange.bytes_sent += sent
            rest = rest[sent:]

    def read_body(self) -> bytes:
        """Wait for bytes of the body; `b""` at the end of the connection."""
        if self._body_start:
            data, self._body_start = self._body_start, b""
            return data
        return self._receive(READ_BYTES)

    @property
    def has_body(self) -> bool:
        """Whether a response head has been read to its end, so that the body is next."""
        return self._body_start is not None

    def unread(self, data: bytes) -> None:
        """Have the HTTP library read these bytes next."""
        self._unread = data

    def _receive(self, max_bytes: int) -> bytes:
        exchange = self._exchange
        recv = self._sock.recv
        try:
            data = exchange.wait(lambda seconds: self._try(lambda: recv(max_bytes), seconds))
        except OSError as error:
            exchange.check()
            raise httpcore.ReadError(str(error)) from None
        if not data:
            # A socket that was shut down looks like one whose stream has ended.
            exchange.check()
        return data

    def _try(self, operation: Callable[[], T], seconds: float) -> T | None:
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds
        try:
            return operation()
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def _shut_down(self) -> None:
        self._shut = True
        # Not the method of an SSLSocket, which drops the TLS state under the reader's feet.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._shut = True
        self._sock.close()

    abandon = close

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> SocketStream:
        """Do the TLS handshake and give the stream of the encrypted connection."""
        if isinstance(self._sock, ssl.SSLSocket):
            self.close()
            raise httpcore.ConnectError(
                "TLS inside TLS: a proxy with an https address can't be used"
            )
        exchange = self._exchange
        try:
            sock = ssl_context.wrap_socket(
                self._sock, server_hostname=server_hostname, do_handshake_on_connect=False
            )
        except BaseException:
            self._sock.close()
            raise
        try:
            stream = SocketStream(sock)

            def shake_hands() -> bool:
                sock.do_handshake()
                return True

            exchange.wait(lambda seconds: stream._try(shake_hands, seconds))
        except OSError as error:
            sock.close()
            exchange.check()
            raise httpcore.ConnectError(str(error)) from None
        except BaseException:
            sock.close()
            raise
        return stream

    def get_extra_info(self, info: str) -> Any:
        """Give what the HTTP library asks about the connection."""
        if info == "is_readable":
            return self._shut or _is_ready(self._sock, selectors.EVENT_READ, 0.0)
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "socket":
            return self._sock
        if info == "client_addr":
            return self._sock.getsockname()
        if info == "server_addr":
            return self._sock.getpeername()
        return None


class Backend(httpcore.NetworkBackend):
    """Connects under the watchdog of the exchange under way."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> SocketStream:
        """Connect to a host; each of its addresses is tried."""
        exchange = _under_way()
        addresses = _resolve(exchange, host, port)
        reason = "the name has no address"
        for left in range(len(addresses), 0, -1):
            address = addresses[-left]
            patience = None if left == 1 else ADDRESS_PATIENCE
            try:
                return _connect(exchange, address, patience)
            except OSError as error:
                exchange.check()
                reason = str(error)
        raise httpcore.ConnectError(f"{host}:{port}: {reason}")


def _resolve(exchange: Exchange, host: str, port: int) -> list[Address]:
    literal = address_of(host, port)
    if literal is not None:
        return [literal]
    done = threading.Event()
    results: list[Found] = []

    def deliver(found: Found) -> None:
        results.append(found)
        done.set()

    look_up(host, port, deliver)
    exchange.attach(done.set)
    exchange.wait(lambda seconds: done.wait(seconds) or None)
    exchange.check()
    if isinstance(results[0], OSError):
        raise httpcore.ConnectError(f"{host}: {results[0]}")
    return results[0]


def _connect(exchange: Exchange, address: Address, patience: float | None) -> SocketStream:
    sock = socket.socket(address.family, socket.SOCK_STREAM)

    def shut_down() -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def connected(seconds: float) -> bool | None:
        if _is_ready(sock, selectors.EVENT_WRITE, seconds):
            return True
        if time.monotonic() > give_up_at:
            raise TimeoutError("no answer")
        return None

    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        exchange.attach(shut_down)
        code = sock.connect_ex(address.target)
        if code not in _CONNECTING:
            raise OSError(code, os.strerror(code))
        give_up_at = float("inf") if patience is None else time.monotonic() + patience
        exchange.wait(connected)
        exchange.check()
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        return SocketStream(sock)
    except BaseException:
        sock.close()
        raise
