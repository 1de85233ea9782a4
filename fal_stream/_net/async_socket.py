"""An asynchronous socket, plain or TLS, for any event loop, with the timeouts of an exchange."""

from __future__ import annotations

import ssl
from typing import Any

from .._signal_errors import raised_by_signal_handler, suppress_errors
from .async_exchange import AsyncExchange
from .byte_stream import ByteStream
from .happy_eyeballs import async_connect
from .tls import TlsEngine


async def async_open_socket_stream(
    exchange: AsyncExchange, host: str, port: int
) -> AsyncSocketStream:
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
    return AsyncSocketStream(await async_connect(exchange, host, port), exchange)


class AsyncSocketStream:
    """A connection.

    Args:
        stream: The connection of the event loop.
        exchange: The exchange that it belongs to.
    """

    __slots__ = ("_exchange", "_stream", "_tls", "_unsent")

    def __init__(self, stream: ByteStream[Any], exchange: AsyncExchange) -> None:
        self._stream = stream
        self._tls: TlsEngine | None = None
        # TLS records that were not sent yet, because the sending task may be cancelled.
        self._unsent = b""
        self.attach(exchange)

    def attach(self, exchange: AsyncExchange) -> None:
        """Belong to an exchange from now on: its limits count, and its abort ends the waits."""
        self._exchange = exchange
        exchange.attach(self._stream.close)

    async def send(self, data: bytes, *, counts: bool = True) -> None:
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
        exchange = self._exchange
        exchange.check()
        try:
            if self._tls is not None:
                await self._answer(self._tls)
                data = self._tls.encrypt(data)
            sending = self._stream.send(exchange, data, exchange.sent if counts else _not_counted)
            # The head of a request contains the key, and a traceback may show each variable.
            del data
            await sending
        except OSError as error:
            exchange.check_after(error)
            raise

    async def receive(self) -> bytes:
        """Wait for bytes.

        Returns:
            Some bytes, or `b""` at the end of the connection.

        Raises:
            OSError: The connection broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        exchange, tls = self._exchange, self._tls
        try:
            if tls is None:
                data: bytes = await self._stream.receive(exchange)
                if not data:
                    exchange.check()
                return data
            plain = tls.rest()
            while not plain and not tls.ended:
                # Never after bytes were decrypted: they would be lost if it fails.
                await self._answer(tls)
                plain = tls.decrypt(await self._stream.receive(exchange))
            return plain
        except OSError as error:
            exchange.check_after(error)
            raise

    async def _answer(self, tls: TlsEngine) -> None:
        """Send what TLS itself has to say; whether it arrives, the next read will tell."""
        self._unsent += tls.take_output()
        if self._unsent:
            with suppress_errors(OSError):
                await self._stream.send(self._exchange, self._unsent, self._is_sent)

    def _is_sent(self, count: int) -> None:
        self._unsent = self._unsent[count:]

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Do the TLS handshake; from then on what is sent and received is encrypted.

        Args:
            context: The TLS settings.
            server_hostname: Whom the certificate has to name.

        Raises:
            OSError: It failed.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        tls = TlsEngine(context, server_hostname)
        data = b""
        try:
            while not tls.handshake(data):
                await self._answer(tls)
                data = await self._stream.receive(self._exchange)
                if not data:
                    raise ConnectionError("the connection was closed in the TLS handshake")
            self._tls = tls
        except OSError as error:
            self._exchange.check_after(error)
            raise
        finally:
            # The closing alert; after a failure, the alert that tells the server about it.
            await self._answer(tls)

    def seems_open(self) -> bool:
        """Return whether the server has left it open, as far as is known without a wait."""
        return self._stream.is_silent() if self._tls is None else not self._tls.is_over

    async def is_quiet(self) -> bool:
        """Return whether it is open, and nothing has come that nobody asked for."""
        if self._stream.is_silent():
            return self._tls is None or not self._tls.is_over
        if self._tls is None:
            return False
        # TLS may have received something for itself, such as a session ticket.
        try:
            await self._stream.process_pending_io()
            data = self._stream.poll()
            while data:
                if self._tls.decrypt(data):
                    return False
                data = self._stream.poll()
            return data is None and not self._tls.is_over
        except OSError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            return False

    def interrupt(self) -> None:
        """Make whoever waits for it stop."""
        self._stream.close()

    def close(self) -> None:
        """Close the connection; what has not been sent is dropped."""
        self._stream.close()

    def abandon(self) -> None:
        """Close the connection from whatever thread."""
        self._stream.abandon()

    def extra(self, info: str) -> Any:
        """Return what httpx's extension `network_stream` tells about a connection."""
        if info == "ssl_object":
            return None if self._tls is None else self._tls.ssl_object
        return self._stream.extra(info)


def _not_counted(count: int) -> None:
    """What is not of the request."""
