"""Servers that do nothing, and what this process holds open."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_OPEN_FILES = Path("/proc/self/fd")


def open_files() -> int:
    """Count the file descriptors of this process; 0 where the system doesn't tell."""
    return len(os.listdir(_OPEN_FILES)) if _OPEN_FILES.exists() else 0


def own_threads() -> int:
    """Count the threads, but for those that an event loop, or an idle connection, keeps."""
    kept = ("asyncio_", "Trio thread", "fal_stream-timers")
    # Before Python 3.13, `threading` still lists a thread that it hasn't started after its end.
    running = sys._current_frames()
    threads = [thread for thread in threading.enumerate() if thread.ident in running]
    return sum(not thread.name.startswith(kept) for thread in threads)


class MuteServer:
    """Lets clients connect, and neither reads nor answers.

    Args:
        context: Does the TLS handshake, and nothing after it. Default None: not even that.

    Attributes:
        address: Host and port.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._clients: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        if context is None:
            self._listener.setblocking(False)
        else:
            handshake = threading.Thread(target=self._shake_hands, args=[context], daemon=True)
            handshake.start()

    def _shake_hands(self, context: ssl.SSLContext) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(context.wrap_socket(client, server_side=True))

    @property
    def connected(self) -> int:
        """How many clients have connected."""
        with contextlib.suppress(BlockingIOError):
            while not self._listener.getblocking():
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients.append(client)
        return len(self._clients)

    @property
    def spoke(self) -> bool:
        """Whether the last client has sent something."""
        if not self.connected:
            return False
        with contextlib.suppress(BlockingIOError):
            return bool(self._clients[-1].recv(1, socket.MSG_PEEK))
        return False

    @property
    def abandoned(self) -> bool:
        """Whether all clients that connected have gone."""
        return self.connected > 0 and all(map(_has_ended, self._clients))

    def close(self) -> None:
        """Drop everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for sock in (self._listener, *self._clients):
            sock.close()


def _has_ended(sock: socket.socket) -> bool:
    try:
        while sock.recv(1 << 20):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """Give an address where every connection attempt goes unanswered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Those that connect fill the queue; from then on the system answers nobody.
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
            except OSError:
                pytest.skip("a full queue refuses connections here")
        else:
            pytest.skip("a queue can't be filled here")
        yield f"127.0.0.1:{listener.getsockname()[1]}"
