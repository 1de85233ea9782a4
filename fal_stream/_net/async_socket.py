"""An asynchronous connection under the HTTP library, whatever the event loop."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

import httpcore

from .._shared.head import HeadSplitter
from .async_exchange import under_way
from .exchange import is_connect
from .tls import TlsEngine
from .wire import Wire


class AsyncSocketStream(httpcore.AsyncNetworkStream):
    """A connection, plain or TLS.

    The HTTP library reads the response heads from it; the body is read by `read_body`.

    Args:
        wire: The connection.
        tls: The TLS state, after the handshake. Default None: it is plain.
    """

    def __init__(self, wire: Wire[Any], tls: TlsEngine | None = None) -> None:
        self._wire = wire
        self._tls = tls
        self._splitter = HeadSplitter()
        self._body_start: bytes | None = None
        self._unread = b""
        # What TLS itself has to say and has not been sent: the one who sends may be cancelled.
        self._unsaid = b""
        self._exchange = under_way()
        self._exchange.attach(wire.close)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Give the HTTP library bytes of a response head, never of a body."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        head, self._body_start = self._splitter.feed(await self._receive())
        return head

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the whole buffer, as a part of the exchange under way."""
        exchange = self._exchange = under_way()
        exchange.check()
        exchange.attach(self._wire.close)
        self._splitter.reset()
        self._body_start, self._unread = None, b""
        sent = _not_counted if is_connect(buffer) else exchange.sent
        try:
            data = buffer
            if self._tls is not None:
                await self._answer(self._tls)
                data = self._tls.encrypt(buffer)
            await self._wire.send(exchange, data, sent)
        except OSError as error:
            reason = str(error)
        else:
            return
        exchange.check()
        raise httpcore.WriteError(reason)

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
        exchange, tls = self._exchange, self._tls
        try:
            if tls is None:
                data: bytes = await self._wire.receive(exchange)
                return data
            return await self._receive_by(tls)
        except OSError as error:
            reason = str(error)
        exchange.check()
        raise httpcore.ReadError(reason)

    async def _receive_by(self, tls: TlsEngine) -> bytes:
        plain = tls.rest()
        while not plain and not tls.ended:
            # Never after bytes were decrypted: they would be lost where it fails.
            await self._answer(tls)
            plain = tls.decrypt(await self._wire.receive(self._exchange))
        return plain

    async def _answer(self, tls: TlsEngine) -> None:
        """Send what TLS itself has to say; whether it arrives, the next read will tell."""
        self._unsaid += tls.outgoing()
        if self._unsaid:
            with contextlib.suppress(OSError):
                await self._wire.send(self._exchange, self._unsaid, self._said)

    def _said(self, count: int) -> None:
        self._unsaid = self._unsaid[count:]

    async def aclose(self) -> None:
        """Close the socket; what has not been sent is dropped."""
        self._wire.close()

    def abandon(self) -> None:
        """Close the socket from whatever thread."""
        self._wire.abandon()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncSocketStream:
        """Do the TLS handshake and give the stream of the encrypted connection."""
        if self._tls is not None:
            self._wire.close()
            raise httpcore.ConnectError(
                "TLS inside TLS: a proxy with an https address can't be used"
            )
        try:
            return AsyncSocketStream(
                self._wire, await self._shake_hands(ssl_context, server_hostname)
            )
        except OSError as error:
            reason = str(error)
        except BaseException:
            self._wire.close()
            raise
        self._wire.close()
        self._exchange.check()
        raise httpcore.ConnectError(reason)

    async def _shake_hands(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None
    ) -> TlsEngine:
        tls = TlsEngine(ssl_context, server_hostname)
        data = b""
        try:
            while not tls.shake_hands(data):
                await self._answer(tls)
                data = await self._wire.receive(self._exchange)
                if not data:
                    raise ConnectionError("the connection was closed in the TLS handshake")
        finally:
            # Its last word; after a failure, what the server is to know of it.
            await self._answer(tls)
        return tls

    def get_extra_info(self, info: str) -> Any:
        """Give what the HTTP library asks about the connection."""
        if info == "is_readable":
            return self._is_readable()
        if info == "ssl_object":
            return None if self._tls is None else self._tls.ssl_object
        return self._wire.extra(info)

    def _is_readable(self) -> bool:
        """Tell whether something came that nobody asked for: the connection can't be used."""
        if self._tls is not None and self._tls.is_over:
            return True
        try:
            data = self._wire.poll()
            if not data or self._tls is None:
                return data is not None
            # TLS may have had something to say for itself.
            return bool(self._tls.decrypt(data)) or self._tls.is_over
        except OSError:
            return True


def _not_counted(count: int) -> None:
    """What is not of the request."""
