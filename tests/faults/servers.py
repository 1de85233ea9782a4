"""Servers that play what a server of HTTP can't."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from typing_extensions import Self

T = TypeVar("T")

__all__ = ["RawServer", "TlsSide", "drip", "pass_on", "reset_at_close", "tunnel"]


class RawServer:
    """Hands each connection to a function, in a thread of its own.

    Args:
        play: What is done with a connection; it is closed afterwards.
        context: Does a TLS handshake first. Default None: none is done.
        path: Of a Unix domain socket to listen on. Default None: a port of this machine.

    Attributes:
        address: Host and port, or the path.
        connected: How many clients have connected.
        play: What is done with a connection.
        context: Does a TLS handshake first, or None.
    """

    def __init__(
        self,
        play: Callable[[socket.socket], object],
        context: ssl.SSLContext | None = None,
        path: str | None = None,
    ) -> None:
        self.play: Any = play
        self.context = context
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            path = f"127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen(64)
        self._clients: list[socket.socket] = []
        self.connected = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.address = path

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(20)
        for client in self._clients:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(client, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                self.connected += 1
                self._threads.append(threading.Thread(target=self._serve, args=[client]))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.context is not None:
                client = self.context.wrap_socket(client, server_side=True)
                self._clients.append(client)
            self.play(client)
        client.close()


def pass_on(client: socket.socket, address: str) -> None:
    """Pass what a client sends on to a server, and what that answers back, until one of them ends.

    Args:
        client: The connection of the client.
        address: Host and port of the server.
    """
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as server:
        back = threading.Thread(target=_pump, args=[server, client])
        back.start()
        _pump(client, server)
        back.join(20)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def tunnel(client: socket.socket, address: str) -> list[bytes]:
    """Be a proxy that gives a tunnel to one server, whatever it is asked for.

    Args:
        client: The connection of the client.
        address: Host and port of the server.

    Returns:
        The lines of what it was asked.
    """
    head = client.recv(10_000)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    pass_on(client, address)
    return head.split(b"\r\n")


def reset_at_close(client: socket.socket) -> None:
    """Have a connection end with a reset when it is closed."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(client: socket.socket, data: bytes) -> None:
    """Send something byte by byte, and the last byte for ever."""
    while True:
        client.sendall(data[:1])
        data = data[1:] or data
        time.sleep(0.02)


class TlsSide:
    """The server's side of TLS, where a test says what goes out together; after the handshake.

    Args:
        client: The connection.
        context: The server's settings.
        more: Goes out together with what the server has last to say in the handshake.
    """

    def __init__(self, client: socket.socket, context: ssl.SSLContext, more: bytes = b"") -> None:
        self._client = client
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._go_on(self._tls.do_handshake)
        client.sendall(self.record(more))

    def _go_on(self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._client.sendall(self._outgoing.read())
                data = self._client.recv(65536)
                if not data:
                    raise ConnectionError from None
                self._incoming.write(data)

    def record(self, data: bytes) -> bytes:
        """Give what is to go out for some bytes."""
        if data:
            self._tls.write(data)
        return self._outgoing.read()

    def last_word(self) -> bytes:
        """Give what says that nothing more comes."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._outgoing.read()

    def read(self) -> bytes:
        """Wait for bytes of the client."""
        return self._go_on(lambda: self._tls.read(65536))
