"""Connect through an HTTP proxy (CONNECT: RFC 9110, section 9.3.6) or a SOCKS5 proxy (RFC 1928).

Promises: bytes sent to the proxy don't count as bytes of the request, so a request may be retried
after its proxy failed. A refusal by the proxy (`ProxyRefused`) is not retried. The proxy's password
is in no message.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import unquote, urlsplit

import httpx

from ..._net.async_socket import AsyncSocketStream
from ..._net.resolver import authority
from ..._shared.framing import FramingError
from ..._shared.http1 import ProtocolError, ResponseHeadReader, request_head
from ..._shared.redact import Redactor
from ...credentials import Secret
from ...errors import ConfigError, excerpt

_SCHEMES = ("http", "https", "socks5", "socks5h")


class ProxyRefused(Exception):
    """The proxy refused to connect, and a retry won't change that."""


class Proxy:
    """A proxy whose URL is in an environment variable.

    Attributes:
        scheme: `http`, `https`, `socks5` or `socks5h`.
        host: The proxy's host.
        port: The proxy's port.

    Raises:
        ConfigError: The URL can't be used.
    """

    def __init__(self, url: Secret) -> None:
        parts, host, port = urlsplit(""), None, None
        try:
            # As httpx checks it, whose `Proxy` refuses socks5h before version 0.28.
            httpx.URL(url.reveal())
            parts = urlsplit(url.reveal())
            host, port = parts.hostname, parts.port
        except (httpx.InvalidURL, ValueError):
            host = None
        if not host or parts.scheme not in _SCHEMES:
            del parts  # it contains the password
            raise ConfigError(
                "The environment names a proxy whose address can't be used (it is not shown here: "
                "it may hold a password): check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
            )
        self.scheme = parts.scheme
        self.host = host
        self.port = port or {"http": 80, "https": 443}.get(parts.scheme, 1080)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")

    @property
    def is_socks(self) -> bool:
        """Whether the proxy speaks SOCKS5."""
        return self.scheme in ("socks5", "socks5h")

    @property
    def login(self) -> Secret:
        """The user and the password, with a colon between them."""
        return Secret(f"{self._user}:{self._password}")

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The header with the user name and password for an HTTP proxy; empty without them."""
        if not self._user and not self._password:
            return []
        pair = f"{self._user}:{self._password}".encode()
        return [(b"Proxy-Authorization", b"Basic " + b64encode(pair))]

    async def tunnel(self, stream: AsyncSocketStream, host: str, port: int) -> None:
        """Ask the proxy to connect to a host; from then on, the stream leads to that host.

        Args:
            stream: The connection to the proxy.
            host: The host to connect to.
            port: The port to connect to.

        Raises:
            ProxyRefused: The proxy refuses to connect.
            OSError: The proxy can't connect, or the connection to it broke.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        if self.is_socks:
            await self._tunnel_by_socks(stream, host, port)
        else:
            await self._tunnel_by_connect(stream, host, port)

    async def _tunnel_by_connect(self, stream: AsyncSocketStream, host: str, port: int) -> None:
        named = authority(host, port).encode("ascii")
        request = request_head("CONNECT", named, named, [(b"Accept", b"*/*"), *self.headers])
        await stream.send(request.followed_by(b""), counts=False)
        reader = ResponseHeadReader()
        head = None
        try:
            while head is None:
                data = await stream.receive()
                if not data:
                    raise ConnectionError("the proxy closed the connection without an answer")
                head = reader.feed(data)
        except (ProtocolError, FramingError) as error:
            raise ProxyRefused(f"the proxy doesn't speak HTTP: {error}") from None
        if not 200 <= head.status < 300:
            redactor = Redactor("", {})
            redactor.add_login(self.login)
            reason = redactor.text(f"{head.status} {head.reason.decode('latin-1')}".strip())
            reason = excerpt(reason, 120)
            message = f"the proxy answered {reason} to CONNECT"
            if head.status >= 500:
                raise ConnectionError(message)
            raise ProxyRefused(message)
        if reader.rest:
            raise ProxyRefused("the proxy sent more than its answer to CONNECT")

    async def _tunnel_by_socks(self, stream: AsyncSocketStream, host: str, port: int) -> None:
        """Ask a SOCKS5 proxy to connect (RFC 1928); the proxy resolves the host name."""
        from socksio import ProtocolError as SocksError
        from socksio import socks5

        has_login = bool(self._user or self._password)
        method = socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED
        if has_login:
            method = socks5.SOCKS5AuthMethod.USERNAME_PASSWORD
        reader = _ExactReader(stream)
        try:
            await stream.send(socks5.SOCKS5AuthMethodsRequest([method]).dumps(), counts=False)
            if socks5.SOCKS5AuthReply.loads(await reader.read(2)).method != method:
                raise ProxyRefused("the SOCKS proxy wants another way to log in")
            if has_login:
                await stream.send(self._socks_login(), counts=False)
                if not socks5.SOCKS5UsernamePasswordReply.loads(await reader.read(2)).success:
                    raise ProxyRefused("the SOCKS proxy refused the user or the password")
            command = socks5.SOCKS5CommandRequest.from_address(
                socks5.SOCKS5Command.CONNECT, (host, port)
            )
            await stream.send(command.dumps(), counts=False)
            start = await reader.read(5)
            length = {1: 4, 3: 1 + start[4], 4: 16}.get(start[3], 1)
            reply = socks5.SOCKS5Reply.loads(start + await reader.read(length + 1))
        except SocksError as error:
            reason = excerpt(str(error) or type(error).__name__, 120)
            raise ProxyRefused(f"the SOCKS proxy doesn't speak SOCKS: {reason}") from None
        code = reply.reply_code
        if code == socks5.SOCKS5ReplyCode.CONNECTION_NOT_ALLOWED_BY_RULESET:
            raise ProxyRefused("the SOCKS proxy does not allow this connection")
        if code != socks5.SOCKS5ReplyCode.SUCCEEDED:
            reason = code.name.lower().replace("_", " ")
            raise ConnectionError(f"the SOCKS proxy could not connect: {reason}")
        if reader.rest:
            raise ProxyRefused("the SOCKS proxy sent more than its answer")

    def _socks_login(self) -> bytes:
        """Return the message that logs in to a SOCKS5 proxy (RFC 1929)."""
        from socksio import socks5

        user, password = self._user.encode()[:255], self._password.encode()[:255]
        login: bytes = socks5.SOCKS5UsernamePasswordRequest(user, password).dumps()
        return login


class _ExactReader:
    """Reads messages of a known length, whatever pieces they arrive in.

    Attributes:
        rest: The bytes that arrived after the last message.
    """

    def __init__(self, stream: AsyncSocketStream) -> None:
        self._stream = stream
        self.rest = b""

    async def read(self, length: int) -> bytes:
        while len(self.rest) < length:
            data = await self._stream.receive()
            if not data:
                raise ConnectionError("the SOCKS proxy closed the connection without an answer")
            self.rest += data
        data, self.rest = self.rest[:length], self.rest[length:]
        return data
