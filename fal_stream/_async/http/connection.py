"""One HTTP/1.1 connection: write the bytes of a request, then read the head and the body.

    opened -> sending -> reading the body -> idle -> sending -> ...

Promises: the head and the body of a request are sent by one call. The connection is used again only
after a body that ended properly and with no bytes after it (RFC 9112, section 9.3); in any other
case it is closed. Closing never waits, so a cancellation at any step leaves nothing open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx

from ..._net.async_exchange import AsyncExchange
from ..._net.async_socket import AsyncSocketStream
from ..._shared.framing import BodyFraming, FramingError, framing_for
from ..._shared.http1 import ProtocolError, RequestHead, ResponseHead, ResponseHeadReader
from ..._shared.watchdog import Expired
from ..._signal_errors import raised_by_signal_handler

if TYPE_CHECKING:
    from .pool import AsyncConnectionPool, Route
    from .request_body import AsyncStreamedBody


NO_RESPONSE = "the server closed the connection without an answer"
_NOTHING = RequestHead(b"")


class AsyncConnection:
    """A connection to one origin.

    Args:
        stream: The socket, once the proxy and TLS are set up.
        route: The origin and the proxy.

    Attributes:
        route: The origin and the proxy.
        expires_at: The time from which an idle connection is no longer used, by the monotonic
            clock (seconds).
        is_closed: Whether the connection was closed.
    """

    __slots__ = ("__weakref__", "expires_at", "is_closed", "route", "stream")

    def __init__(self, stream: AsyncSocketStream, route: Route) -> None:
        self.stream: AsyncSocketStream = stream
        self.route: Route = route
        self.expires_at: float = 0.0
        self.is_closed: bool = False

    async def round_trip(
        self, head: RequestHead, body: bytes, more: AsyncStreamedBody | None
    ) -> tuple[ResponseHead, bytes]:
        """Send a request, and wait for the head of the response.

        Args:
            head: The head of the request.
            body: The body of the request, or its beginning.
            more: The rest of the body, or None.

        Returns:
            The head of the response, and the bytes of the body that arrived with it.

        Raises:
            ProtocolError: The response is not valid HTTP/1.1.
            OSError: The connection broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        failure = await self._write(head, body)
        while failure is None and more is not None and not more.has_ended:
            failure = await self._write(_NOTHING, await more.read())
        if failure is None:
            return await self._receive_head()
        # A server may respond and close the connection before it has read all of a large body.
        try:
            response, rest = await self._receive_head()
        except (OSError, ProtocolError) as error:
            if raised_by_signal_handler(error) is not None:
                raise
            raise failure from None
        return response._replace(keeps_alive=False), rest

    async def _write(self, head: RequestHead, data: bytes) -> OSError | None:
        """Send a head and some bytes; return the error if the connection broke."""
        try:
            await self.stream.send(head.followed_by(data))
        except OSError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            return error
        return None

    async def _receive_head(self) -> tuple[ResponseHead, bytes]:
        reader = ResponseHeadReader()
        receive = self.stream.receive
        while data := await receive():
            head = reader.feed(data)
            if head is not None:
                return head, reader.rest
        if reader.has_begun:
            raise ConnectionError("the connection ended in the middle of the response head")
        raise ConnectionError(NO_RESPONSE)

    def close(self) -> None:
        """Close the connection; bytes that have not been sent are discarded."""
        self.is_closed = True
        self.stream.close()

    def abandon(self) -> None:
        """Close the connection from any thread."""
        self.is_closed = True
        self.stream.abandon()


class AsyncResponseBody(httpx.AsyncByteStream):
    """The body of a response, read as it arrives.

    Args:
        connection: The connection that the body arrives on.
        pool: Gets the connection back when the body has ended.
        exchange: The exchange that the response belongs to.
        head: The head of the response.
        method: The method of the request.
        rest: The bytes of the body that arrived with the head.

    Raises:
        FramingError: The headers don't tell where the body ends.
    """

    __slots__ = (
        "_connection", "_exchange", "_framing", "_keeps_alive", "_pool", "_rest", "_stream"
    )  # fmt: skip

    def __init__(
        self,
        connection: AsyncConnection,
        pool: AsyncConnectionPool,
        exchange: AsyncExchange,
        head: ResponseHead,
        method: str,
        rest: bytes,
    ) -> None:
        self._framing: BodyFraming = framing_for(head.status, method, head.headers)
        self._keeps_alive = head.keeps_alive
        self._connection: AsyncConnection | None = connection
        self._stream = connection.stream
        self._pool = pool
        self._exchange = exchange
        self._rest = rest

    async def next_data(self) -> bytes:
        """Wait for bytes of the body.

        Returns:
            Some bytes, or `b""` at the end of the body.

        Raises:
            FramingError: The framing is broken.
            OSError: The connection broke, or ended before the body did.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        framing = self._framing
        if framing.has_failed:
            framing.check()
        while not framing.done:
            if self._rest:
                data, self._rest = self._rest, b""
            else:
                data = await self._stream.receive()
            if not data:
                if framing.complete_at_eof:
                    return b""
                raise ConnectionError("the connection ended before the body did")
            body = framing.feed(data)
            if body:
                return body
        return b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while data := await self.next_data():
                # The limit for a read begins anew, and the consumer's time doesn't count.
                self._exchange.watchdog.on_chunk()
                yield data
        except FramingError as error:
            raise httpx.RemoteProtocolError(str(error)) from None
        except OSError as error:
            if raised_by_signal_handler(error) is not None:
                raise
            raise httpx.ReadError(str(error)) from None
        except Expired as expired:
            raise httpx.ReadTimeout(f"nothing came for {expired.seconds:g} s") from None
        finally:
            self.release()

    @property
    def can_be_used_again(self) -> bool:
        """Whether the body has ended, nothing follows it, and the server keeps the connection."""
        framing = self._framing
        return self._keeps_alive and framing.done and not framing.rest and not self._rest

    def release(self) -> None:
        """Return the connection to the pool if it can be used again, else close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        unharmed = self._exchange.detach()
        # A connection that the server has closed already can't be used again.
        if unharmed and self.can_be_used_again and self._stream.seems_open():
            self._pool.release(connection)
        else:
            connection.close()

    async def aclose(self) -> None:
        """See `release`."""
        self.release()

    def abandon(self) -> None:
        """Close the connection, from any thread, when nobody reads the body any more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._exchange.detach()
            connection.abandon()

    def get_extra_info(self, info: str) -> object:
        """Return a value as httpx's extension `network_stream` does."""
        return self._stream.get_extra_info(info)
