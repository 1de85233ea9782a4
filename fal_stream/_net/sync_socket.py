"""A connection of the blocking flavour, plain or TLS, with the timeouts of an exchange.

Two races can't happen by design. An exchange releases its socket *before* the connection goes back
to the pool, so a late abort can't hit the next request. And a connection whose socket was shut down
refuses to send while nothing has been sent, when using a new connection is still safe.
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

# A larger request may fill the socket's buffer.
_SMALL = 16 * 1024


def _is_over(error: OSError) -> bool:
    """Return whether an error that looks like the end of a wait is more than that.

    It is the one that the system raises once of a peer that answers no probe, which has a number
    where Python's own has none; or one that a signal handler raised.
    """
    return error.errno == errno.ETIMEDOUT or raised_by_signal_handler(error) is not None


def open_socket_stream(exchange: Exchange, host: str, port: int) -> SocketStream:
    """Connect to a host.

    Args:
        exchange: Carries the limits and the abort; the stream belongs to it.
        host: The host.
        port: The port.

    Returns:
        The connection.

    Raises:
        OSError: None of the host's addresses could be connected to.
        Aborted: The exchange was aborted.
        Expired: A limit of the watchdog has run out.
    """
    return SocketStream(connect(exchange, host, port), exchange)


class SocketStream:
    """A connection.

    Args:
        sock: The connected socket.
        exchange: The exchange that it belongs to.
    """

    __slots__ = ("_exchange", "_has_ended", "_held_error", "_is_tls", "_shut", "_sock", "_timeout")

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._is_tls = False
        # The error that ended the connection, to raise after the bytes that came before it.
        self._has_ended = False
        self._held_error: OSError | None = None
        self._timeout: float | None = -1.0
        self._shut = False
        self.attach(exchange)

    def attach(self, exchange: Exchange) -> None:
        """Belong to an exchange from now on: its limits count, and its abort ends the waits."""
        self._exchange = exchange
        exchange.attach(self._shut_down)

    def send(self, data: bytes, *, counts: bool = True) -> None:
        """Send bytes.

        Args:
            data: The bytes.
            counts: Whether they are of the request. Default True; False for what a proxy of the
                network is told.

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
                # A socket that has room for little is not ready yet, and takes that little all
                # the same: to wait first would leave it for later, and take it for progress then.
                sent = self._try(lambda: self._sock.send(rest), 0.0)
                if sent is not None:
                    return sent
            return self._try(lambda: self._sock.send(rest), seconds)

        while rest:
            try:
                sent = exchange.wait(send)
            except OSError as error:
                exchange.check_after(error)
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
            exchange.check_after(error)
            raise
        if not data:
            # A socket that was shut down looks like one that the server has closed.
            exchange.check()
        return data

    def _receive_within(self, seconds: float) -> bytes | None:
        if seconds != self._timeout:
            self._wait_at_most(seconds)
        try:
            data = self._sock.recv(READ_BYTES)
        except _NOT_YET as error:
            if _is_over(error):
                raise
            return None
        return self._with_more(data) if self._is_tls and data else data

    def _with_more(self, data: bytes) -> bytes:
        """Add what has come besides: of TLS, a socket gives a record at a time.

        It is looked for where a record was full, or more of one is held already: a server that
        sends little by little has no more to give.
        """
        sock = self._sock
        assert isinstance(sock, ssl.SSLSocket)
        if len(data) < _FULL_RECORD and not sock.pending():
            return data
        pieces, size = [data], len(data)
        self._wait_at_most(0.0)
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

    def _wait_at_most(self, seconds: float) -> None:
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds

    def _try(self, operation: Callable[[], T], seconds: float) -> T | None:
        self._wait_at_most(seconds)
        try:
            return operation()
        except _NOT_YET as error:
            if _is_over(error):
                raise
            return None

    def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Do the TLS handshake; from then on what is sent and received is encrypted.

        Args:
            context: The TLS settings.
            server_hostname: Whom the certificate has to name.

        Raises:
            OSError: It failed.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        sock = context.wrap_socket(
            self._sock,
            server_hostname=server_hostname,
            do_handshake_on_connect=False,
            # An end without TLS's close_notify is not the end of a body.
            suppress_ragged_eofs=False,
        )
        self._sock, self._is_tls, self._timeout = sock, True, -1.0
        exchange = self._exchange
        exchange.attach(self._shut_down)

        def handshake() -> bool:
            sock.do_handshake()
            return True

        try:
            exchange.wait(lambda seconds: self._try(handshake, seconds))
        except OSError as error:
            exchange.check_after(error)
            raise

    def seems_open(self) -> bool:
        """Return whether the server has left it open, as far as is known without a wait."""
        return self.is_quiet()

    def is_quiet(self) -> bool:
        """Return whether it is open, and nothing has come that nobody asked for."""
        if self._shut or self._has_ended or self._held_error is not None:
            return False
        if not is_readable(self._sock):
            return True
        if not self._is_tls:
            return False
        # TLS may have received something for itself, such as a session ticket.
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
        """Make whoever waits for it stop; callable from any thread."""
        self._shut_down()

    def close(self) -> None:
        """Close the socket."""
        self._shut = True
        self._sock.close()

    abandon = close

    def extra(self, info: str) -> Any:
        """Return what httpx's extension `network_stream` tells about a connection."""
        if info == "ssl_object":
            return self._sock if self._is_tls else None
        if info == "socket":
            return self._sock
        if info in ("client_addr", "server_addr"):
            with contextlib.suppress(OSError):
                is_ours = info == "client_addr"
                return self._sock.getsockname() if is_ours else self._sock.getpeername()
        return None
