"""A link with delay: a proxy of TCP that hands on what it gets some time later.

Promises: the order, and that as much is under way on a connection as a window lets, so a single
connection is no faster than over a link with such a window. A connection is made at once: what is
delayed is what is sent on it.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time

__all__ = ["DELAY", "WINDOW", "Link"]

# Seconds each way, and how many bytes may be under way each way.
DELAY, WINDOW = 0.01, 1024 * 1024

_PIECE = 64 * 1024


class Link:
    """Listens on loopback, and connects what comes to a port there.

    Args:
        target: The port.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._target))
            for one, other in ((client, server), (server, client)):
                # So that the system keeps little more than the window under way.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * _PIECE)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pieces: queue.Queue[tuple[float, bytes]] = queue.Queue(WINDOW // _PIECE)
                threading.Thread(target=_take, args=(one, pieces), daemon=True).start()
                threading.Thread(target=_hand_on, args=(pieces, other), daemon=True).start()


def _take(source: socket.socket, pieces: queue.Queue[tuple[float, bytes]]) -> None:
    data = b"-"
    while data:
        try:
            data = source.recv(_PIECE)
        except OSError:
            data = b""
        pieces.put((time.monotonic() + DELAY, data))


def _hand_on(pieces: queue.Queue[tuple[float, bytes]], target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            due, data = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                break
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
