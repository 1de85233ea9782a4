"""A connection of the blocking flavour, plain or TLS, with the timeouts of an exchange.

Two races are prevented. An exchange detaches its socket *before* the connection goes back to the
pool, so a late abort can't interrupt the next request. And a connection whose socket was shut down
raises an error before it sends anything, so the request can still be sent over a new connection.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from .._signal_errors import raised_by_signal_handler
from .byte_stream import READ_BYTES
from .happy_eyeballs import connect
from .sockets import is_readable, shut_down
from .sync_exchange import Exchange

T = TypeVar("T")

_NOT_YET = (TimeoutError, BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# The largest TLS record (RFC 8446, section 5.1).
_FULL_RECORD = 16 * 1024

# The size up to which a request surely fits into the socket's buffer (bytes).
_SMALL = 16 * 1024


def _is_over(error: OSError) -> bool:
    """Return whether an error of the types in `_NOT_YET` is not the end of a slice.

    The system raises `TimeoutError` with an `errno` if the peer doesn't answer TCP keepalive; the
    one of Python's own timeout has no `errno`. A signal handler may raise any exception.
    """
    return error.errno == errno.ETIMEDOUT or raised_by_signal_handler(error) is not None


def open_socket_stream(exchange: Exchange, host: str, port: int) -> SocketStream:
    """Connect to a host, and return the connection.

    Args:
        exchange: Applies the timeouts and the abort; the connection is attached to it.
        host: The host's name or address.
        port: The port.

    Raises:
        OSError: None of the host's addresses could be connected to.
        Aborted: The exchange was aborted.
        Expired: A limit of the watchdog has run out.
    """
    return SocketStream(connect(exchange, host, port), exchange)


class SocketStream:
    """A connection, plain or TLS.

    Args:
        sock: The connected socket.
        exchange: The exchange to attach the connection to.
    """

    __slots__ = ("_exchange", "_has_ended", "_held_error", "_is_tls", "_shut", "_sock", "_timeout")

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._is_tls = False
        self._has_ended = False
        # The error that ended the connection, to raise after the bytes that came before it.
        self._held_error: OSError | None = None
        self._timeout: float | None = -1.0
        self._shut = False
        self.attach(exchange)

    def attach(self, exchange: Exchange) -> None:
        """Attach to an exchange: from now on its limits apply, and its abort ends the waits."""
        self._exchange = exchange
        exchange.set_waker(self._shut_down)

    def send(self, data: bytes, *, counts: bool = True) -> None:
        """Send bytes.

        Args:
            data: The bytes.
            counts: Whether the bytes are part of the request. Default True; False for what is only
                sent to a proxy.

        Raises:
            OSError: The connection broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        if self._shut:
            raise ConnectionError("the connection was shut down")
        exchange = self._exchange
        rest = memoryview(data)
        # The head of a request contains the key, and a traceback may show each variable.
        del data

        def send(seconds: float) -> int | None:
            if len(rest) > _SMALL:
                # Try before waiting: a socket with little room in its buffer accepts a few bytes
                # although it isn't reported as writable. After a wait, they would look like
                # progress.
                sent = self._try(lambda: self._sock.send(rest), 0.0)
                if sent is not None:
                    return sent
            return self._try(lambda: self._sock.send(rest), seconds)

        while rest:
            try:
                sent = exchange.wait(send)
            except OSError as error:
                exchange.raise_if_aborted_after(error)
                raise
            if counts:
                exchange.sent(sent)
            rest = rest[sent:]

    def receive(self) -> bytes:
        """Wait for bytes.

        Returns:
            Some bytes, or `b""` at the end of the connection.

        Raises:
            OSError: The connection broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        exchange = self._exchange
        try:
            if self._held_error is not None:
                raise self._held_error
            data = exchange.wait(self._receive_within)
        except OSError as error:
            exchange.raise_if_aborted_after(error)
            raise
        if not data:
            # A socket that an abort has shut down looks like one that the server has closed.
            exchange.raise_if_aborted()
        return data

    def _receive_within(self, seconds: float) -> bytes | None:
        if seconds != self._timeout:
            self._set_timeout(seconds)
        try:
            data = self._sock.recv(READ_BYTES)
        except _NOT_YET as error:
            if _is_over(error):
                raise
            return None
        return self._with_more(data) if self._is_tls and data else data

    def _with_more(self, data: bytes) -> bytes:
        """Add the bytes of further TLS records that have arrived: `recv` returns one record.

        Only after a full record, or if OpenSSL has more decrypted bytes: otherwise it is likely
        that no more bytes have arrived.
        """
        sock = self._sock
        assert isinstance(sock, ssl.SSLSocket)
        if len(data) < _FULL_RECORD and not sock.pending():
            return data
        pieces, size = [data], len(data)
        self._set_timeout(0.0)
        try:
            while size < READ_BYTES and (len(data) >= _FULL_RECORD or sock.pending()):
                data = sock.recv(READ_BYTES)
                if not data:
                    self._has_ended = True
                    break
                pieces.append(data)
                size += len(data)
        except OSError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            if not isinstance(error, _NOT_YET) or error.errno == errno.ETIMEDOUT:
                self._held_error = error
        return b"".join(pieces)

    def _set_timeout(self, seconds: float) -> None:
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds

    def _try(self, operation: Callable[[], T], seconds: float) -> T | None:
        self._set_timeout(seconds)
        try:
            return operation()
        except _NOT_YET as error:
            if _is_over(error):
                raise
            return None

    def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Do the TLS handshake; from then on, what is sent and received is encrypted.

        Args:
            context: The TLS settings.
            server_hostname: The host name that the certificate has to be for.

        Raises:
            OSError: The handshake failed.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        sock = context.wrap_socket(
            self._sock,
            server_hostname=server_hostname,
            do_handshake_on_connect=False,
            # An end without TLS's close_notify is an error (RFC 8446, section 6.1).
            suppress_ragged_eofs=False,
        )
        self._sock, self._is_tls, self._timeout = sock, True, -1.0
        exchange = self._exchange
        exchange.set_waker(self._shut_down)

        def handshake() -> bool:
            sock.do_handshake()
            return True

        try:
            exchange.wait(lambda seconds: self._try(handshake, seconds))
        except OSError as error:
            exchange.raise_if_aborted_after(error)
            raise

    def seems_open(self) -> bool:
        """Return whether the server has left the connection open, as far as is known by now."""
        return self.is_reusable()

    def is_reusable(self) -> bool:
        """Return whether the connection is open, and no unexpected bytes have arrived."""
        if self._shut or self._has_ended or self._held_error is not None:
            return False
        if not is_readable(self._sock):
            return True
        if not self._is_tls:
            return False
        # The bytes may be for TLS itself, such as a session ticket.
        try:
            return self._try(lambda: self._sock.recv(1), 0.0) is None
        except OSError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            return False

    def _shut_down(self) -> None:
        self._shut = True
        shut_down(self._sock)

    def interrupt(self) -> None:
        """End the waits for the connection; callable from any thread."""
        self._shut_down()

    def close(self) -> None:
        """Close the socket."""
        self._shut = True
        self._sock.close()

    abandon = close

    def get_extra_info(self, info: str) -> Any:
        """Return a value as httpx's extension `network_stream` does."""
        if info == "ssl_object":
            return self._sock if self._is_tls else None
        if info == "socket":
            return self._sock
        if info in ("client_addr", "server_addr"):
            with contextlib.suppress(OSError):
                is_ours = info == "client_addr"
                return self._sock.getsockname() if is_ours else self._sock.getpeername()
        return None
