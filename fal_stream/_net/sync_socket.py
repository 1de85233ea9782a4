"""A blocking connection under the HTTP library.

Two races are closed by construction. An exchange lets go of its socket *before* the connection
goes back to the pool, under the lock that `abort` takes, so that a late abort can't hit the next
user. And a stream whose socket was shut down says so: it refuses to write, when nothing has been
sent yet and a new connection is safe.
"""

from __future__ import annotations

import selectors
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import httpcore

from .._shared.head import HeadSplitter
from .exchange import is_connect
from .sockets import ready, shut_down
from .sync_exchange import under_way
from .wire import READ_BYTES

T = TypeVar("T")

# As much of a response head is read at a time.
_HEAD_BYTES = 64 * 1024
_NOT_YET = (TimeoutError, BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def is_ready(sock: socket.socket, event: int, seconds: float) -> bool:
    """Wait at most so many seconds for an event of a socket, and tell whether it came."""
    return bool(ready([sock], event, seconds))


class SocketStream(httpcore.NetworkStream):
    """A connection, plain or TLS.

    The HTTP library reads the response heads from it; the body is read by `read_body`.

    Args:
        sock: The connected socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        # How the connection ended after bytes that were still to be given.
        self._has_ended = False
        self._held_error: OSError | None = None
        self._timeout: float | None = -1.0
        self._shut = False
        self._splitter = HeadSplitter()
        self._body_start: bytes | None = None
        self._unread = b""
        self._exchange = under_way()
        self._exchange.attach(self._shut_down, self.close)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Give the HTTP library bytes of a response head, never of a body."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        head, self._body_start = self._splitter.feed(self._receive(self._receive_head))
        return head

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the whole buffer, as a part of the exchange under way."""
        if self._shut:
            raise httpcore.WriteError("the connection was shut down")
        exchange = under_way()
        if exchange is not self._exchange:
            self._exchange = exchange
            exchange.attach(self._shut_down, self.close)
        self._splitter.reset()
        self._body_start, self._unread = None, b""
        rest = memoryview(buffer)

        def send(seconds: float) -> int | None:
            # A socket that has room for little is not ready yet, and takes that little all the
            # same: to wait first would leave it for later, and take it for progress then.
            sent = self._try(lambda: self._sock.send(rest), 0.0)
            return self._try(lambda: self._sock.send(rest), seconds) if sent is None else sent

        while rest:
            try:
                sent = exchange.wait(send)
            except OSError as error:
                exchange.check()
                raise httpcore.WriteError(str(error)) from None
            if not is_connect(buffer):
                exchange.sent(sent)
            rest = rest[sent:]

    def read_body(self) -> bytes:
        """Wait for bytes of the body; `b""` at the end of the connection."""
        if self._body_start:
            data, self._body_start = self._body_start, b""
            return data
        return self._receive(self._receive_body)

    @property
    def has_body(self) -> bool:
        """Whether a response head has been read to its end, so that the body is next."""
        return self._body_start is not None

    def unread(self, data: bytes) -> None:
        """Have the HTTP library read these bytes next."""
        self._unread = data

    def _receive(self, once: Callable[[float], bytes | None]) -> bytes:
        exchange = self._exchange
        try:
            if self._held_error is not None:
                raise self._held_error
            data = exchange.wait(once)
        except OSError as error:
            exchange.check()
            raise httpcore.ReadError(str(error)) from None
        if not data:
            # A socket that was shut down looks like one whose stream has ended.
            exchange.check()
        return data

    def _receive_head(self, seconds: float) -> bytes | None:
        # No more than this, or the HTTP library would not see that a head is too large.
        return self._receive_within(seconds, _HEAD_BYTES)

    def _receive_body(self, seconds: float) -> bytes | None:
        data = self._receive_within(seconds, READ_BYTES)
        return self._with_more(data) if data and self._is_tls else data

    def _receive_within(self, seconds: float, max_bytes: int) -> bytes | None:
        return self._try(partial(self._sock.recv, max_bytes), seconds)

    def _with_more(self, data: bytes) -> bytes:
        """Add what has come besides: of TLS, a socket gives a record at a time."""
        pieces, size = [data], len(data)
        self._wait_at_most(0.0)
        try:
            while data and size < READ_BYTES:
                data = self._sock.recv(READ_BYTES)
                pieces.append(data)
                size += len(data)
            self._has_ended = not data
        except _NOT_YET:
            pass
        except OSError as error:
            self._held_error = error
        return b"".join(pieces)

    def _wait_at_most(self, seconds: float) -> None:
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds

    def _try(self, operation: Callable[[], T], seconds: float) -> T | None:
        self._wait_at_most(seconds)
        try:
            return operation()
        except _NOT_YET:
            return None

    def _shut_down(self) -> None:
        self._shut = True
        shut_down(self._sock)

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
                self._sock,
                server_hostname=server_hostname,
                do_handshake_on_connect=False,
                # An end that TLS knows nothing of is no end of a body.
                suppress_ragged_eofs=False,
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
            is_over = self._shut or self._has_ended or self._held_error is not None
            return is_over or is_ready(self._sock, selectors.EVENT_READ, 0.0)
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "socket":
            return self._sock
        if info == "client_addr":
            return self._sock.getsockname()
        if info == "server_addr":
            return self._sock.getpeername()
        return None
