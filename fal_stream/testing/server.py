"""`LocalFal`: a fal server on this machine, in a thread of its own.

Promises: it starts and stops within a second, whatever its clients do. An exception in a script is
raised at the end of the `with` block. Elsewhere: the connections (`service`), the replies
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
        self._dispatcher = RequestHandler()
        self._log = RequestLog()
        self._url: str | None = None
        self._thread: ServerThread | None = None

    def add(self, endpoint_id: str, script: Script, *, path: str = DEFAULT_PATH) -> None:
        """Set what an endpoint answers.

        It is served for any method at `/{endpoint_id}/stream`, or at the id itself where that
        ends in `/stream`, or where `path` says. A script that was there before is replaced.

        Args:
            endpoint_id: The endpoint, `owner/alias[/path]`; the old form `12345-alias` means
                `12345/alias`.
            script: A list of chunks and steps, a `Reply`, a `Failure`, or a function that gets
                the request and gives one of these or a generator of steps.
            path: What follows the endpoint id in the address, such as `/audio/speech`; `""`:
                nothing. Default: `/stream`.

        Raises:
            ConfigError: An argument is bad.
        """
        self._dispatcher.endpoints.add(endpoint_id, script, path)

    def route(self, path: str, script: RouteScript, *, method: str | None = None) -> None:
        """Set what is answered at a path, in place of what the server has there.

        No key is checked. Of several routes for a request the most exact comes first: a whole
        path, then the longest beginning of one, with a method before without. A route with the
        same path and method is replaced.

        Args:
            path: The path without the query, such as `/tokens/`; with `*` at its end every path
                that begins so, such as `/storage/*`.
            script: As for `add`. A function can also return None: the request is answered as
                if there were no such route.
            method: The HTTP method that is answered; None: any.

        Raises:
            ConfigError: An argument is bad.
        """
        self._dispatcher.routes.add(path, script, method)

    def expire_tokens(self) -> None:
        """Make every token that was issued so far expired."""
        self._dispatcher.tokens.expire()

    @property
    def uploads(self) -> list[Upload]:
        """The files that were uploaded, in the order in which they became complete."""
        return self._dispatcher.uploads.complete

    def upload(self, file_url: str) -> Upload:
        """Find an uploaded file.

        Args:
            file_url: The address that the client was given.

        Returns:
            The file.

        Raises:
            ConfigError: No complete file has that address.
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
        """The variables by which clients find the server, also those of another program.

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
            path: What follows the endpoint id in the address. Default: `/stream`.

        Returns:
            The requests so far, in the order in which they came.

        Raises:
            ConfigError: An argument is bad.
        """
        wanted = path_of(endpoint_id, path)
        return [request for request in self.requests if request.path == wanted]

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
        return self._log.wait(count, timeout)

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
        thread.stop()
        return True
