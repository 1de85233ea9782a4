"""Run a server in a thread, with an event loop of its own.

Promises: when `start` returns, the server listens; when `stop` returns, the thread and all
connections have ended. Not here: the server itself (`service`).
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future

from fal_stream.errors import FalStreamError
from fal_stream.testing.service import BACKLOG, Service

__all__ = ["ServerThread"]

_STOP_SECONDS = 10.0


class ServerThread:
    """A server in a thread.

    Args:
        host: The address to listen on.
        port: The port; 0 for a free one.

    Attributes:
        address: The host and port that it listens on, as in a URL.

    Raises:
        OSError: The server can't listen on the address.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        shown = f"[{host}]" if family is socket.AF_INET6 else host
        self.address: str = f"{shown}:{self._listener.getsockname()[1]}"
        self._thread: threading.Thread | None = None
        self._request_stop: Callable[[], object] = lambda: None

    def start(self, service: Service) -> None:
        """Start the thread, and wait until the service accepts connections."""
        started: Future[Callable[[], object]] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(service.run(self._listener, started)),
            name="LocalFal",
            daemon=True,
        )
        self._thread.start()
        self._request_stop = started.result()

    def stop(self) -> None:
        """Close all connections, and end the thread.

        Raises:
            FalStreamError: A script blocks the thread.
        """
        thread = self._thread
        assert thread is not None, "it was started"
        self._request_stop()
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            raise FalStreamError(
                "LocalFal doesn't stop: a function in a script blocks its thread; "
                "use Pause and Hang steps to wait"
            )
