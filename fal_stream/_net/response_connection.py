"""The socket of an httpx response, and whether other streams share it (HTTP/2).

Over HTTP/2 several requests share a connection, and in the blocking flavour whoever waits for one
of them reads for all. A thread that a stream left behind by ending early goes on reading until the
server sends something or the connection ends. So the connection is shut down when the last stream
of ours has left it, and not before.
"""

from __future__ import annotations

import weakref
from typing import Any

from .sockets import socket_of


class ResponseConnection:
    """A connection.

    Args:
        sock: Its socket, or what stands for it; None where it has none.
        is_shared: Whether other requests may use it at the same time.

    Attributes:
        sock: The socket.
        own_sock: The socket, None where others may use it at the same time.
    """

    def __init__(self, sock: Any, *, is_shared: bool) -> None:
        self.sock = sock
        self.own_sock = None if is_shared else sock
        # Sets, because a finalizer may change them: each step is a single operation.
        self._streams: set[object] = set()
        self._left: set[object] = set()

    def join(self) -> object:
        """Note a stream that begins on it, and return its name here."""
        stream = object()
        self._streams.add(stream)
        return stream

    def leave(self, stream: object, *, is_read: bool) -> bool:
        """Note that a stream has ended.

        Args:
            stream: Its name here.
            is_read: Whether a thread of it still reads.

        Returns:
            Whether nobody is left but threads that read in vain.
        """
        self._streams.discard(stream)
        if is_read:
            self._left.add(stream)
        return bool(self._left) and not self._streams

    def stop_reading(self, stream: object) -> None:
        """Note that the thread of a stream that has ended reads no more."""
        self._left.discard(stream)


# The key is httpx's own object for the connection, which all its responses share.
_shared: weakref.WeakKeyDictionary[Any, ResponseConnection] = weakref.WeakKeyDictionary()


def connection_of(response: Any) -> ResponseConnection:
    """Return the connection of a response of httpx."""
    stream = response.extensions.get("network_stream")
    sock = socket_of(stream)
    if sock is None or response.http_version.startswith("HTTP/1"):
        return ResponseConnection(sock, is_shared=False)
    # A single operation, because two threads may do this for the same connection.
    return _shared.setdefault(stream, ResponseConnection(sock, is_shared=True))
