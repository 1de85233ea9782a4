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
    return AsyncSocketStream(await async_connect(exchange, host, port), exchange)


class AsyncSocketStream:
    """A connection, plain or TLS.

    Args:
        stream: The event loop's connection.
        exchange: The exchange to attach the connection to.
    """

    __slots__ = ("_exchange", "_stream", "_tls", "_unsent")

    def __init__(self, stream: ByteStream[Any], exchange: AsyncExchange) -> None:
        self._stream = stream
        self._tls: TlsEngine | None = None
        # TLS records to send; kept here, because the task that sends them may be cancelled.
        self._unsent = b""
        self.attach(exchange)

    def attach(self, exchange: AsyncExchange) -> None:
        """Attach to an exchange: from now on its limits apply, and its abort ends the waits."""
        self._exchange = exchange
        exchange.set_waker(self._stream.close)

    async def send(self, data: bytes, *, counts: bool = True) -> None:
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
        exchange = self._exchange
        exchange.raise_if_aborted()
        try:
            if self._tls is not None:
                await self._flush_tls(self._tls)
                data = self._tls.encrypt(data)
            sending = self._stream.send(exchange, data, exchange.sent if counts else _not_counted)
            # The head of a request contains the key, and a traceback may show each variable.
            del data
            await sending
        except OSError as error:
            exchange.raise_if_aborted_after(error)
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
                    exchange.raise_if_aborted()
                return data
            plain = tls.rest()
            while not plain and not tls.ended:
                # Not after bytes were decrypted: if sending failed, they would be lost.
                await self._flush_tls(tls)
                plain = tls.decrypt(await self._stream.receive(exchange))
            return plain
        except OSError as error:
            exchange.raise_if_aborted_after(error)
            raise

    async def _flush_tls(self, tls: TlsEngine) -> None:
        """Send TLS's own records, such as alerts; a failure will show at the next read."""
        self._unsent += tls.take_output()
        if self._unsent:
            with suppress_errors(OSError):
                await self._stream.send(self._exchange, self._unsent, self._is_sent)

    def _is_sent(self, count: int) -> None:
        self._unsent = self._unsent[count:]

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Do the TLS handshake; from then on, what is sent and received is encrypted.

        Args:
            context: The TLS settings.
            server_hostname: The host name that the certificate has to be for.

        Raises:
            OSError: The handshake failed.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        tls = TlsEngine(context, server_hostname)
        data = b""
        try:
            while not tls.handshake(data):
                await self._flush_tls(tls)
                data = await self._stream.receive(self._exchange)
                if not data:
                    raise ConnectionError("the connection was closed in the TLS handshake")
            self._tls = tls
        except OSError as error:
            self._exchange.raise_if_aborted_after(error)
            raise
        finally:
            # The last records of the handshake, or the alert that tells the server why it failed.
            await self._flush_tls(tls)

    def seems_open(self) -> bool:
        """Return whether the server has left the connection open, as far as is known by now."""
        return self._stream.is_idle() if self._tls is None else not self._tls.is_over

    async def is_reusable(self) -> bool:
        """Return whether the connection is open, and no unexpected bytes have arrived."""
        if self._stream.is_idle():
            return self._tls is None or not self._tls.is_over
        if self._tls is None:
            return False
        # The bytes may be for TLS itself, such as a session ticket.
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
        """End the waits for the connection."""
        self._stream.close()

    def close(self) -> None:
        """Close the connection; bytes that have not been sent are discarded."""
        self._stream.close()

    def abandon(self) -> None:
        """Close the connection from any thread."""
        self._stream.abandon()

    def get_extra_info(self, info: str) -> Any:
        """Return a value as httpx's extension `network_stream` does."""
        if info == "ssl_object":
            return None if self._tls is None else self._tls.ssl_object
        return self._stream.get_extra_info(info)


def _not_counted(count: int) -> None:
    """Ignore bytes that are not part of the request."""
