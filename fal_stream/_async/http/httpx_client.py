"""Send requests with the user's own HTTP client (`http_client=`), of httpx or httpx2.

Promises: the client's connections, event hooks and default headers are used. Its redirects, `auth`,
cookies and query parameters are not, because they could take the key to another host or change the
request. Exceptions of the HTTP library become errors of ours. An exception that was raised by a
signal handler, or by the body of an upload, is raised unchanged.

Not here: reading a body under our timeouts (`_net/httpx_body`).
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, AsyncIterator
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from typing_extensions import Self

from ..._net.async_exchange import AsyncExchange
from ..._net.connection_trace import AsyncConnectionTrace
from ..._net.http_errors import HttpLibraryError, is_of_http_library, read_error, reason_of
from ..._net.httpx_body import AsyncHttpxBody
from ..._net.log_redaction import RedactedLogs
from ..._net.response_connection import connection_of
from ..._shared.prepared_request import PreparedRequest
from ..._shared.redact import Redactor
from ..._shared.watchdog import Watchdog
from ..._signal_errors import raised_by_signal_handler
from ...errors import ConfigError, StreamConnectionError, excerpt
from .response import AsyncStreamResponse
from .sender import AsyncSender, HiddenRequest, no_response_error

# How much longer the HTTP client's timeout is than our own (seconds).
_GRACE = 1.0


class _Result(NamedTuple):
    """The response, or why there is none."""

    response: AsyncHttpxResponse | None
    failure: Exception | None = None


class AsyncHttpxSender(AsyncSender):
    """Sends requests with the user's own HTTP client, which stays open when the sender is closed.

    Args:
        client: The HTTP client.
        package: The package that the client is of, `httpx` or `httpx2`.
    """

    # httpx doesn't tell how much of a piece was sent, so only a complete piece counts as progress.
    piece_bytes = 256 * 1024

    def __init__(self, client: Any, package: ModuleType) -> None:
        super().__init__(0.0)
        self._client = client
        self._package = package

    def check_copyable(self) -> None:
        """See `AsyncSender`."""
        raise ConfigError(
            "A client with an http_client of your own can't be pickled or copied: pass its config "
            "on, and create a client with its own http_client there"
        )

    async def preconnect(self, url: str, exchange: AsyncExchange) -> None:
        """Raise `ConfigError`: httpx can't open a connection in advance."""
        raise ConfigError(
            "preconnect() opens a connection of the built-in HTTP client, and this client uses the "
            "http_client that it was given: leave one of the two out"
        )

    async def _request_once(
        self, request: PreparedRequest, exchange: AsyncExchange, redactor: Redactor
    ) -> AsyncStreamResponse:
        body = _body_class(self._package)(request.body)
        sent = self._build(request, body)
        trace = AsyncConnectionTrace()
        timeouts = _Timeouts(exchange.watchdog)
        sent.extensions = {"timeout": timeouts, **trace.extensions}
        try:
            answer = await exchange.call(self._attempt, sent, body, exchange, redactor, undo=_undo)
        except BaseException:
            trace.shut_down()
            raise
        if answer.failure is not None:
            raise self._no_answer(request.url, answer.failure, redactor)
        assert answer.response is not None, "it was answered"
        timeouts.is_answered = True
        answer.response.attach()
        return answer.response

    def _build(self, request: PreparedRequest, body: _AsyncBody) -> Any:
        # Not with `client.build_request`, which would add the client's cookies, and replace the
        # query of the URL by its own parameters. The headers are passed as pairs, because httpx
        # searches all headers for each one that is added.
        ours = [
            (name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()
        ]
        kept = [] if request.omit_default_headers else self._client.headers.raw
        headers = [
            pair for pair in kept if pair[0].decode("latin-1").lower() not in request.headers
        ]
        try:
            sent = _request_class(self._package)(
                request.method, request.url, headers=headers + ours, content=request.body
            )
        except (self._package.InvalidURL, ValueError) as error:
            if raised_by_signal_handler(error) is not None:
                raise
            reason = str(error)
        else:
            sent.stream = body
            return sent
        # The URL may contain a token.
        raise ConfigError(f"The address can't be used: {excerpt(reason, 120)}")

    async def _attempt(
        self, sent: Any, body: _AsyncBody, exchange: AsyncExchange, redactor: Redactor
    ) -> _Result:
        logs = RedactedLogs(str(sent.url), redactor)
        try:
            with logs:
                # The client's `auth` would replace the key.
                response = await self._client.send(
                    sent, stream=True, follow_redirects=False, auth=None
                )
                return _Result(AsyncHttpxResponse(response, exchange, redactor, logs))
        except Exception as error:
            failure = error
        raised = body.failure or raised_by_signal_handler(failure)
        if raised is not None:
            raise raised
        return _Result(None, failure)

    def _no_answer(self, url: str, failure: Exception, redactor: Redactor) -> StreamConnectionError:
        package = self._package
        if not is_of_http_library(failure):
            if self._client.is_closed:
                return StreamConnectionError(
                    "The http_client is closed: make a new one and a new client with it, and close "
                    "neither as long as there are streams",
                    request_sent=False,
                    transient=False,
                )
            return _users_error(failure, redactor)
        reason = reason_of(failure)
        if isinstance(failure, package.HTTPStatusError):
            # There was a response, and an event hook of the user raised an exception.
            reason = f"the http_client raised {reason}"
        not_sent = (
            package.ConnectError,
            package.ConnectTimeout,
            package.PoolTimeout,
            package.ProxyError,
            package.UnsupportedProtocol,
        )
        error = no_response_error(url, reason, redactor, sent=not isinstance(failure, not_sent))
        if isinstance(failure, package.ProxyError):
            # The proxy answered with a status of 5xx, or couldn't connect: that may be temporary.
            error.transient = reason.startswith("5") or "could not connect" in reason
        return error


def _users_error(failure: Exception, redactor: Redactor) -> StreamConnectionError:
    said = excerpt(redactor.text(f"{type(failure).__name__}: {failure}".removesuffix(": ")))
    error = StreamConnectionError(
        f"The http_client raised {said}, which is the cause of this and comes from one of its "
        "event hooks, its transport or another part of yours",
        transient=False,
    )
    error.__cause__ = failure
    return error


async def _undo(answer: _Result) -> None:
    if answer.response is not None:
        await answer.response.release()


class _Timeouts(dict[str, float | None]):
    """The value of httpx's extension `timeout`.

    The watchdog applies the limits. These timeouts are a little longer, and only end a call of
    httpx that nobody waits for any more. Until the response head has arrived, `get` returns the
    time that is left. A transport that copies the dictionary instead gets the longest limit.

    Args:
        watchdog: Has the limits.

    Attributes:
        is_answered: Whether the response head has arrived.
    """

    def __init__(self, watchdog: Watchdog) -> None:
        longest = watchdog.longest()
        whole = None if longest is None else longest + _GRACE
        super().__init__(dict.fromkeys(("connect", "read", "write", "pool"), whole))
        self._watchdog = watchdog
        self.is_answered = False

    def get(self, key: str, default: Any = None) -> Any:
        """See `dict`."""
        if self.is_answered:
            return super().get(key, default)
        left = self._watchdog.remaining()
        return None if left == math.inf else max(left, 0.0) + _GRACE


class AsyncHttpxResponse(AsyncStreamResponse):
    """A response of the user's own HTTP client.

    Args:
        response: The HTTP library's response.
        exchange: The exchange that the response belongs to.
        redactor: Masks the secrets of the request.
        logs: Masks the secrets of the request in the log records of the HTTP library.
    """

    def __init__(
        self, response: Any, exchange: AsyncExchange, redactor: Redactor, logs: RedactedLogs
    ) -> None:
        super().__init__(response.status_code, response.headers.raw, exchange, redactor)
        self._read_interrupted = False
        self._body: AsyncHttpxBody | _AsyncHeldBody
        if response.is_stream_consumed:
            self._body = _AsyncHeldBody(response)
        else:
            # Not with the methods of the response, which would release the connection with the last
            # byte: an abort at that moment would interrupt the next request on that connection.
            pieces, connection = aiter(response.stream), connection_of(response)
            self._body = AsyncHttpxBody(pieces, response.aclose, connection, exchange, logs)

    def attach(self) -> None:
        """Make an abort of the exchange interrupt a read of the response."""
        self._body.attach()

    async def read(self) -> bytes:
        """See `AsyncStreamResponse`."""
        if self._read_interrupted:
            # After a cancelled read, httpx would report the end of the body.
            raise StreamConnectionError(
                "the task that read it was cancelled, and an http_client can't go on from there"
            )
        self._read_interrupted = True
        try:
            data = await self._body.read()
        except HttpLibraryError as error:
            reason = excerpt(self.redact(str(error)))
        else:
            self._read_interrupted = False
            return data
        raise StreamConnectionError(reason)

    async def release(self) -> None:
        """See `AsyncStreamResponse`."""
        await self._body.release()

    def abandon(self) -> None:
        """See `AsyncStreamResponse`."""
        self._body.abandon()

    def __del__(self) -> None:
        # A Ctrl-C may have interrupted `__init__`.
        if "_body" in vars(self):
            self.abandon()


class _AsyncHeldBody:
    """A body that is in memory already: of a mock transport, or read by an event hook.

    Its connection may be used by another request by now.
    """

    def __init__(self, response: Any) -> None:
        self._response: Any = response

    def attach(self) -> None:
        """Do nothing: `read` never waits."""

    async def read(self) -> bytes:
        """Return the whole body, then `b""`."""
        response, self._response = self._response, None
        try:
            return b"" if response is None else bytes(response.content)
        except Exception as error:
            failure = error
        raise read_error(failure)

    async def release(self) -> None:
        """Do nothing."""

    def abandon(self) -> None:
        """Do nothing."""


class _AsyncBody:
    """The body of a request; the HTTP library's own class would leave generators unclosed.

    Attributes:
        failure: The exception that reading the body raised, or None.
    """

    def __init__(self, body: bytes | AsyncIterable[bytes] | Any | None) -> None:
        self._body = body
        self.failure: Exception | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        body = self._body
        if body is None or isinstance(body, bytes):
            return _AsyncSinglePiece(body or b"")
        return _AsyncPieces(aiter(body), self)


class _AsyncSinglePiece:
    """An iterator over one piece."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data, self._data = self._data, b""
        if not data:
            raise StopAsyncIteration
        return data


class _AsyncPieces:
    """An iterator over the pieces of a body that stores the exception that reading them raised."""

    def __init__(self, pieces: AsyncIterator[bytes], body: _AsyncBody) -> None:
        self._pieces = pieces
        self._body = body

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._pieces.__anext__()
        except StopAsyncIteration:
            raise
        except Exception as error:
            self._body.failure = error
            raise


@cache
def _body_class(package: Any) -> Any:
    """Return a body class for a package, which accepts only subclasses of its own."""
    return type("RequestBody", (_AsyncBody, package.AsyncByteStream), {})


@cache
def _request_class(package: Any) -> Any:
    """Return a package's request class, with a repr that leaves out the query."""
    return type("Request", (package.Request,), {"__repr__": HiddenRequest.__repr__})
