"""`LocalFal`: a fal server on this machine, in a thread of its own.

Promises: it starts and stops within a second, whatever its clients do. An exception in a script is
raised at the end of the `with` block. Not here: the connections (`service`), and the replies
(`request_handler`).
"""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Any

from typing_extensions import Self

from fal_stream._shared.endpoint import DEFAULT_PATH
from fal_stream.errors import ConfigError
from fal_stream.testing.endpoints import path_of
from fal_stream.testing.request import RecordedRequest
from fal_stream.testing.request_handler import RequestHandler
from fal_stream.testing.request_log import RequestLog
from fal_stream.testing.script import RouteScript, Script
from fal_stream.testing.service import Service
from fal_stream.testing.thread import ServerThread
from fal_stream.testing.uploads import Upload

__all__ = ["LocalFal"]

_DEFAULT_KEY = "local-id:local-secret"


class LocalFal:
    """A local server that speaks fal's protocol.

    It runs in a daemon thread with an event loop of its own. Functions in scripts are called in
    that thread, and must not block.

    Args:
        key: The credentials that a client has to send; None accepts any, or none.
        host: The address to listen on.
        port: The port; 0 for a free one.
        ssl_context: A TLS context with a certificate for `host`; None for plain HTTP.

    Attributes:
        key: The credentials that a client has to send, or None.
        errors: The exceptions of scripts. `stop()` and the end of the `with` block raise the first;
            a test that expects one has to clear the list.

    Raises:
        ConfigError: An argument can't be used.
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
        self._dispatcher = RequestHandler()
        self._log = RequestLog()
        self._url: str | None = None
        self._thread: ServerThread | None = None

    def add(self, endpoint_id: str, script: Script, *, path: str = DEFAULT_PATH) -> None:
        """Set how an endpoint responds.

        The endpoint answers any HTTP method at `/{endpoint_id}/stream`, or at
        `/{endpoint_id}{path}` if `path` is given. If the id itself ends in `/stream`, nothing is
        appended. An earlier script is replaced.

        Args:
            endpoint_id: The endpoint, `owner/alias[/path]`; the old form `12345-alias` means
                `12345/alias`.
            script: A list of chunks and steps, a `Reply`, a `Failure`, or a function that gets the
                request and returns one of these or is a generator of steps.
            path: The part of the URL after the endpoint id, such as `/audio/speech`; `""` for none.
                Default: `/stream`.

        Raises:
            ConfigError: An argument can't be used.
        """
        self._dispatcher.endpoints.add(endpoint_id, script, path)

    def route(self, path: str, script: RouteScript, *, method: str | None = None) -> None:
        """Set how a path responds, instead of the server's usual response.

        The key is not checked. If several routes match a request, the most specific one is used: a
        complete path before a prefix, a longer prefix before a shorter one, and a route with a
        method before one without. A route with the same path and method is replaced.

        Args:
            path: The path without the query, such as `/tokens/`. With `*` at its end, as in
                `/storage/*`, it matches every path that begins with the part before it.
            script: As for `add`. A function may also return None: then the server responds as if
                there were no such route.
            method: The HTTP method to answer; None for any.

        Raises:
            ConfigError: An argument can't be used.
        """
        self._dispatcher.routes.add(path, script, method)

    def expire_tokens(self) -> None:
        """Make all tokens expire that were issued so far."""
        self._dispatcher.tokens.expire()

    @property
    def uploads(self) -> list[Upload]:
        """The files that were uploaded, in the order in which they were completed."""
        return self._dispatcher.uploads.complete

    def upload(self, file_url: str) -> Upload:
        """Find an uploaded file.

        Args:
            file_url: The file's URL, which the client got for the upload.

        Returns:
            The file.

        Raises:
            ConfigError: No complete file has that URL.
        """
        return self._dispatcher.uploads.find(file_url)

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
        return {"run_url": self.url, "rest_url": self.url, "credentials": self.key or _DEFAULT_KEY}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables by which clients find the server, also in other programs.

        Raises:
            ConfigError: The server isn't running.
        """
        key = self.key or _DEFAULT_KEY
        return {"FAL_RUN_HOST": self.url, "FAL_REST_HOST": self.url, "FAL_KEY": key}

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, in the order in which they came, refused ones included."""
        return self._log.requests()

    def requests_to(self, endpoint_id: str, *, path: str = DEFAULT_PATH) -> list[RecordedRequest]:
        """Return the requests for one endpoint, without those for tokens and uploads.

        Args:
            endpoint_id: The endpoint, as for `add`.
            path: The part of the URL after the endpoint id. Default: `/stream`.

        Returns:
            The requests so far, in the order in which they came.

        Raises:
            ConfigError: An argument can't be used.
        """
        wanted = path_of(endpoint_id, path)
        return [request for request in self.requests if request.path == wanted]

    def wait_for_requests(self, count: int = 1, timeout: float = 10.0) -> list[RecordedRequest]:
        """Wait until the server has received this many requests since its creation.

        Args:
            count: The number of requests.
            timeout: Seconds to wait at most.

        Returns:
            The requests so far.

        Raises:
            TimeoutError: They did not arrive in time.
        """
        return self._log.wait(count, timeout)

    def start(self) -> Self:
        """Start the server; when this returns, it accepts connections.

        Returns:
            The server itself.

        Raises:
            ConfigError: The server is running already.
            OSError: The server can't listen on the address.
        """
        if self._thread is not None:
            raise ConfigError("LocalFal is running already; call stop() first")
        thread = ServerThread(self._host, self._port)
        url = f"{'https' if self._ssl_context else 'http'}://{thread.address}"
        key = self.key
        thread.start(
            Service(
                lambda request: self._dispatcher.answer(request, url, key),
                self._ssl_context,
                self._log.add,
                self.errors.append,
            )
        )
        self._thread, self._url = thread, url
        return self

    def stop(self) -> None:
        """Stop the server: drop all connections, end the thread. A second call does nothing.

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
        thread.stop()
        return True
