"""The socket of an httpx response, and whether other streams share it (HTTP/2).

Over HTTP/2 several requests share a connection, and in the blocking flavour a thread that waits for
one response reads for all of them. If a stream ends early, its thread continues to read until the
server sends something or the connection ends. So the connection is shut down when the last of our
streams has left it, and not before.
"""

from __future__ import annotations

import weakref
from typing import Any

from .sockets import socket_of


class ResponseConnection:
    """The connection of one response, or of several (HTTP/2).

    Args:
        sock: The socket, or an object like a socket; None if there is none.
        is_shared: Whether other requests may use the connection at the same time.

    Attributes:
        sock: The socket.
        own_sock: The socket, or None if other requests may use it at the same time.
    """

    def __init__(self, sock: Any, *, is_shared: bool) -> None:
        self.sock = sock
        self.own_sock = None if is_shared else sock
        # No lock, because a finalizer may change these sets: each step is a single operation.
        self._streams: set[object] = set()
        self._left: set[object] = set()

    def join(self) -> object:
        """Register a stream, and return a key for it."""
        stream = object()
        self._streams.add(stream)
        return stream

    def leave(self, stream: object, *, is_read: bool) -> bool:
        """Unregister a stream that has ended.

        Args:
            stream: The key of the stream.
            is_read: Whether a thread still reads the stream.

        Returns:
            Whether no stream is left, but threads of ended streams still read.
        """
        self._streams.discard(stream)
        if is_read:
            self._left.add(stream)
        return bool(self._left) and not self._streams

    def stop_reading(self, stream: object) -> None:
        """Register that the thread of a stream that has ended has stopped reading."""
        self._left.discard(stream)


# The key is httpx's own object for the connection, which all its responses share.
_shared: weakref.WeakKeyDictionary[Any, ResponseConnection] = weakref.WeakKeyDictionary()


def connection_of(response: Any) -> ResponseConnection:
    """Return the connection of an httpx response."""
    stream = response.extensions.get("network_stream")
    sock = socket_of(stream)
    if sock is None or response.http_version.startswith("HTTP/1"):
        return ResponseConnection(sock, is_shared=False)
    # A single operation, because two threads may do this for the same connection.
    return _shared.setdefault(stream, ResponseConnection(sock, is_shared=True))
