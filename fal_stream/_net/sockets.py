"""Create, poll and shut down sockets; used by both flavours."""

from __future__ import annotations

import errno
import os
import select
import selectors
import socket
import ssl
from collections.abc import Iterable
from typing import Any

from .._signal_errors import raised_by_signal_handler, suppress_errors
from .resolver import Address

# TCP keepalive: the first probe after 15 s of silence, then two more, 5 s apart. So a dead peer is
# noticed after half a minute, and routers don't drop the connection. TCP_KEEPALIVE is the name of
# TCP_KEEPIDLE on macOS.
_TCP_OPTIONS = {
    "TCP_NODELAY": 1,
    "TCP_KEEPIDLE": 15,
    "TCP_KEEPALIVE": 15,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
}
_OPTIONS = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in _TCP_OPTIONS.items()
    if hasattr(socket, name)
]
_CONNECTING = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)}


def begin_to_connect(address: Address) -> socket.socket:
    """Return a socket that is being connected; it becomes writable when that succeeds or fails.

    Raises:
        OSError: The attempt has failed at once.
    """
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        for option in _OPTIONS:
            try:
                sock.setsockopt(*option)
            except OSError as error:  # some systems have the constant but not the option
                if raised_by_signal_handler(error) is not None:
                    raise
        code = sock.connect_ex(address.target)
        if code not in _CONNECTING:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def check_connected(sock: socket.socket) -> None:
    """Raise an `OSError` if connecting has failed."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def ready(socks: Iterable[socket.socket], event: int, seconds: float) -> list[socket.socket]:
    """Wait at most `seconds` for an event of some sockets, and return those that have it."""
    with getattr(selectors, "PollSelector", selectors.SelectSelector)() as selector:
        for sock in socks:
            selector.register(sock, event, sock)
        return [key.data for key, _ in selector.select(seconds)]


def is_readable(sock: Any) -> bool:
    """Return whether a read from a socket would not wait: for bytes, the end, or an error."""
    # Looked up each time, because gevent and eventlet replace these functions.
    make_poll = getattr(select, "poll", None)
    if make_poll is None:
        return bool(select.select([sock], [], [], 0)[0])
    poll = make_poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def shut_down(sock: Any) -> None:
    """Shut a socket down, which ends all waits for it.

    Args:
        sock: The socket, which may be an object of another library; None does nothing.
    """
    with suppress_errors(OSError):
        if isinstance(sock, ssl.SSLSocket):
            # Not with its own method, which drops the TLS state while a thread may be reading.
            super(ssl.SSLSocket, sock).shutdown(socket.SHUT_RDWR)
        elif sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except TypeError:
                # uvloop's sockets don't support that.
                with socket.socket(fileno=os.dup(sock.fileno())) as same:
                    same.shutdown(socket.SHUT_RDWR)


def socket_of(stream: Any) -> Any:
    """Return the socket of an httpx connection.

    Args:
        stream: httpx's extension `network_stream`, or None.

    Returns:
        A socket, or an event loop's object with a `shutdown` method; None if there is neither.
    """
    get_extra_info = getattr(stream, "get_extra_info", None)
    sock = None if get_extra_info is None else get_extra_info("socket")
    return sock if hasattr(sock, "shutdown") else None
