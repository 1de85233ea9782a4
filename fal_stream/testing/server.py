"""`LocalFal`: a fal server on loopback, in a thread of its own.

Promises: it starts and stops within a second, whatever its clients do; what goes wrong in a
script is raised at the end of the `with` block. Leaves to others: the connections (`service`),
what is answered (`endpoints`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from typing_extensions import Self

from fal_stream.errors import ConfigError, FalStreamError
from fal_stream.testing.endpoints import Endpoints
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.script import Script
from fal_stream.testing.service import BACKLOG, Service

__all__ = ["LocalFal"]

_DEFAULT_KEY = "local-id:local-secret"
_STOP_SECONDS = 10.0


class LocalFal:
    """A local server that speaks the fal protocol.

    It runs in a daemon thread with an event loop of its own; functions in scripts are called
    in that thread, and must not block.

    Args:
        key: The credentials that a client must send; None: any, or none.
        host: The address to listen on.
        port: The port; 0: a free one.
        ssl_context: A TLS context with a certificate for `host`; None: plain HTTP.

    Attributes:
        key: The credentials that a client must send, or None.
        errors: What scripts raised. `stop()` and the end of the `with` block raise the first;
            a test that expects one clears the list.

    Raises:
        ConfigError: An argument is bad.
    """

    def __init__(
        self,
        *,
        key: str | None = _DEFAULT_KEY,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if key is not None and (not key or not key.isascii() or not key.isprintable()):
            raise ConfigError("key is no printable ASCII text; give one such as 'id:secret'")
        if not 0 <= port <= 65535:
            raise ConfigError(f"port is {port!r}; give 0 for a free port, or 1 to 65535")
        self.key = key
        self.errors: list[Exception] = []
        self._host = host
        self._port = port
        self._ssl_context = ssl_context
        self._endpoints = Endpoints()
        self._requests: list[RecordedRequest] = []
        self._request_came = threading.Condition()
        self._url: str | None = None
        self._thread: threading.Thread | None = None
        self._request_stop: Callable[[], object] = lambda: None

    def add(self, endpoint_id: str, script: Script) -> None:
        """Set what an endpoint answers.

        It is served for any method at `/{endpoint_id}/stream`, or at the id itself where that
        ends in `/stream`. A script that was there before is replaced.

        Args:
            endpoint_id: The endpoint, `owner/alias[/path]`.
            script: A list of chunks and steps, a `Reply`, a `Failure`, or a function that gets
                the request and gives one of these or a generator of steps.

        Raises:
            ConfigError: The endpoint id or the script is bad.
        """
        self._endpoints.add(endpoint_id, script)

    @property
    def url(self) -> str:
        """The server's URL, such as `http://127.0.0.1:40123`.

        Raises:
            ConfigError: The server isn't running.
        """
        if self._url is None:
            raise ConfigError("LocalFal isn't running; use `with LocalFal() as fal:` or start()")
        return self._url

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a client for this server: `StreamingClient(**fal.settings)`.

        Raises:
            ConfigError: The server isn't running.
        """
        return {"run_url": self.url, "credentials": self.key or _DEFAULT_KEY}

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, in the order in which they came, refused ones included."""
        with self._request_came:
            return list(self._requests)

    def wait_for_requests(self, count: int = 1, timeout: float = 10.0) -> list[RecordedRequest]:
        """Wait until the server has received so many requests since it was made.

        Args:
            count: How many.
            timeout: Seconds to wait at most.

        Returns:
            The requests so far.

        Raises:
            TimeoutError: They did not come in time.
        """
        with self._request_came:
            if self._request_came.wait_for(lambda: len(self._requests) >= count, timeout):
                return list(self._requests)
            came = len(self._requests)
        raise TimeoutError(f"{came} of {count} requests came within {timeout} seconds")

    def start(self) -> Self:
        """Start the server; it listens when this returns.

        Returns:
            The server itself.

        Raises:
            ConfigError: It is running already.
            OSError: The address cannot be listened on.
        """
        if self._thread is not None:
            raise ConfigError("LocalFal is running already; call stop() first")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=BACKLOG)
        port = listener.getsockname()[1]
        service = Service(
            self._endpoints, self.key, self._ssl_context, self._record, self.errors.append
        )
        started: Future[Callable[[], object]] = Future()
        thread = threading.Thread(
            target=lambda: asyncio.run(service.run(listener, started)),
            name="LocalFal",
            daemon=True,
        )
        thread.start()
        self._request_stop = started.result()
        self._thread = thread
        host = f"[{self._host}]" if family is socket.AF_INET6 else self._host
        self._url = f"{'https' if self._ssl_context else 'http'}://{host}:{port}"
        return self

    def stop(self) -> None:
        """Stop the server: drop all connections, end the thread. Stopping twice is harmless.

        Raises:
            Exception: The first error of a script that is still in `errors`.
            FalStreamError: A script blocks the server's thread.
        """
        if self._stop() and self.errors:
            raise self.errors[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None:
            self.stop()
        else:
            self._stop()

    def _stop(self) -> bool:
        thread, self._thread, self._url = self._thread, None, None
        if thread is None:
            return False
        self._request_stop()
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            raise FalStreamError(
                "LocalFal doesn't stop: a function in a script blocks its thread; "
                "use Pause and Hang steps to wait"
            )
        return True

    def _record(self, request: RecordedRequest) -> None:
        with self._request_came:
            self._requests.append(request)
            self._request_came.notify_all()
