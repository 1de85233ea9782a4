"""Web applications of the pages, served on a real port, and the visitors that they have."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typing_extensions import Self

__all__ = ["SECONDS", "Visitor", "application", "uvicorn_serving", "visit", "werkzeug_serving"]

SECONDS = 30
"""How long anything here may take."""


def application(code: str) -> Any:
    """Run the code of a web application.

    Args:
        code: The code, which calls it `app`.

    Returns:
        The application.
    """
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example", "exec", dont_inherit=True), names)
    return names["app"]


@contextmanager
def uvicorn_serving(app: Any) -> Iterator[int]:
    """Serve an ASGI application by uvicorn.

    Args:
        app: The application.

    Yields:
        Its port.
    """
    import uvicorn

    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + SECONDS
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(SECONDS)


@contextmanager
def werkzeug_serving(app: Any) -> Iterator[int]:
    """Serve a WSGI application by werkzeug, each visitor in a thread.

    Args:
        app: The application.

    Yields:
        Its port.
    """
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join(SECONDS)
        server.server_close()


class Visitor:
    """Who asks a web application for a page, as a browser does, and may leave at any time."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        self._socket.sendall(request.encode())
        self.received = b""

    def read_until(self, end: bytes) -> None:
        """Read until some bytes have come."""
        while end not in self.received:
            piece = self._socket.recv(4096)
            assert piece, self.received
            self.received += piece

    def read_body(self) -> bytes:
        """Read to the end, and give the body without its framing."""
        while piece := self._socket.recv(4096):
            self.received += piece
        head, _, body = self.received.partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], self.received
        return _unframed(body) if b"transfer-encoding: chunked" in head.lower() else body

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()


visit = Visitor


def _unframed(body: bytes) -> bytes:
    content = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return content
        content += body[:length]
        body = body[length + 2 :]
