"""The client: the settings and the connections that its streams share."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from typing_extensions import Self, Unpack

from .. import config as config_module
from .._checks import safe_repr
from .._net.async_exchange import AsyncExchange, async_new_exchange
from .._net.exchange import Aborted
from .._net.flavour_hints import AsyncFlavourHints
from .._net.storage_protocol import AsyncStorage
from .._shared.options import NoOthers, given_settings
from .._shared.prepared_request import PreparedRequest
from .._shared.prepared_stream import PreparedStream
from .._shared.query import add_query
from .._shared.stream_errors import timeout_error
from .._shared.token_format import TOKEN_PARAMETER
from .._shared.watchdog import Expired, Limits, Watchdog
from ..config import make_settings
from ..credentials import CredentialsFunction, Secret, Token, hide_arguments, wrap_secret
from ..errors import FalStreamError, StreamConnectionError
from ..middleware import ProxyUrlConfig, RequestMiddleware
from ..retry import RetryPolicy
from ..types import NOT_GIVEN, NotGiven
from .dispatch import AsyncDispatcher
from .http.sender_factory import AsyncHttpClient, make_sender
from .storage import AsyncStorageClient, is_overridden
from .stream_methods import AsyncStreamMethods
from .token_cache import AsyncTokenCache

if TYPE_CHECKING:
    from .http.response import AsyncStreamResponse


class AsyncStreamingClient(AsyncStreamMethods, AsyncFlavourHints):
    """Create streams. One client can be used for any number of streams.

    Streams share the client's connections, which are kept open for a while. A copy or an unpickled
    client is a new client with the same settings; a pickle never contains the key, see `Config`.

    Args:
        config: Settings as a `Config`, which documents each of the settings below. Settings that
            are given by name are used instead of those in it. Default: the settings of the
            environment.
        storage: A storage client, or any object with a method `upload(file)` that returns a URL; it
            uploads the files in inputs. It is not closed with the client. Default None: a storage
            client with the same settings.
        http_client: An HTTP client of your own that sends the requests; it is not closed with this
            client. Default None: the built-in one, which is faster and ends every wait at once on
            an abort.
        credentials: Your fal API key, or a function that returns it and is called for each request.
            Default: the key in the environment.
        run_url: The server that runs models.
        rest_url: The server that takes uploads and issues tokens.
        trusted_hosts: Hosts besides fal's own that may get the key.
        proxy_url: A proxy such as `@fal-ai/server-proxy` that requests are sent through.
        request_middleware: Functions that change each request before it is sent.
        retry: When a request is retried, or how many times at most; None for never.
        token_lifetime: How many seconds a token of the connection mode `client` is valid.
        keepalive_expiry: How many seconds an idle connection is kept.
        timeout: Seconds that a running stream may be silent; keep-alives count as data.
        event_timeout: Seconds to wait for the next chunk.
        start_timeout: Seconds to wait for the response headers.
        total_timeout: Seconds to wait for the whole stream.
        max_event_bytes: The largest event, in bytes.
        headers: Headers that are sent with each request.
        **unknown: Any other keyword raises ConfigError.

    Attributes:
        storage: What uploads the files in inputs: the `storage` argument, or a storage client with
            the same settings.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """

    @hide_arguments
    def __init__(
        self,
        config: config_module.Config | None = None,
        *,
        storage: AsyncStorage | None = None,
        http_client: AsyncHttpClient | None = None,
        credentials: str | Secret | CredentialsFunction | NotGiven | None = NOT_GIVEN,
        run_url: str | NotGiven = NOT_GIVEN,
        rest_url: str | NotGiven = NOT_GIVEN,
        trusted_hosts: Collection[str] | NotGiven = NOT_GIVEN,
        proxy_url: str | ProxyUrlConfig | NotGiven | None = NOT_GIVEN,
        request_middleware: RequestMiddleware
        | Sequence[RequestMiddleware]
        | NotGiven
        | None = NOT_GIVEN,
        retry: RetryPolicy | int | NotGiven | None = NOT_GIVEN,
        token_lifetime: float | NotGiven = NOT_GIVEN,
        keepalive_expiry: float | NotGiven = NOT_GIVEN,
        timeout: float | NotGiven | None = NOT_GIVEN,
        event_timeout: float | NotGiven | None = NOT_GIVEN,
        start_timeout: float | NotGiven | None = NOT_GIVEN,
        total_timeout: float | NotGiven | None = NOT_GIVEN,
        max_event_bytes: int | NotGiven = NOT_GIVEN,
        headers: Mapping[str, str] | NotGiven = NOT_GIVEN,
        **unknown: Unpack[NoOthers],
    ) -> None:
        credentials = wrap_secret(credentials)
        settings = self._settings = make_settings(config, given_settings(locals()))
        self._sender = make_sender(http_client, settings)
        self._dispatcher = AsyncDispatcher(settings, self._sender)
        self._tokens = AsyncTokenCache(settings, self._dispatcher)
        self._owns_storage = storage is None
        self.storage: AsyncStorageClient = _check_storage(storage) or AsyncStorageClient._of(
            settings, http_client
        )

    @property
    def config(self) -> config_module.Config:
        """The settings."""
        return self._settings.config

    async def _open(self, prepared: PreparedStream, exchange: AsyncExchange) -> AsyncStreamResponse:
        self._sender.register(exchange)
        try:
            if prepared.files:
                prepared = await self._with_files(prepared, exchange)
            if prepared.with_token:
                return await self._open_with_token(prepared, exchange)
            return await self._dispatcher.dispatch(prepared.request, exchange)
        except BaseException:
            self._sender.unregister(exchange)
            raise

    async def _with_files(
        self, prepared: PreparedStream, exchange: AsyncExchange
    ) -> PreparedStream:
        began = time.monotonic()
        storage = self.storage
        if is_overridden(storage, "upload") or is_overridden(storage, "transform_input"):
            from .custom_storage import upload_with_storage

            prepared = await upload_with_storage(storage, prepared, self._sender, exchange.signal)
        else:
            limits = prepared.limits.of_uploads
            prepared = prepared.with_files(
                await storage.upload_found(prepared.files, limits, exchange.signal)
            )
        exchange.watchdog.add_waited(time.monotonic() - began)
        return prepared

    async def _open_with_token(
        self, prepared: PreparedStream, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        while True:
            token, was_kept = await self._tokens.get(prepared, exchange)
            request = _with_token(prepared.request, token)
            response = await self._dispatcher.dispatch(request, exchange, as_is=True)
            if response.status != 401 or not was_kept:
                return response
            # The token may have been revoked, or may have expired while this machine was suspended.
            self._tokens.forget(prepared, token)
            await response.discard()

    async def preconnect(self) -> None:
        """Open a connection to `run_url`, and keep it for the first stream.

        Looks the name up, connects, and does the TLS handshake, so that the first stream costs one
        round trip. The connection is kept for `keepalive_expiry`; a stream that starts meanwhile
        waits for it and takes it. Nothing is sent, and no key is needed.

        Raises:
            StreamConnectionError: The connection can't be opened.
            StreamTimeout: `start_timeout` ran out.
            ConfigError: The client is closed, or has an `http_client`.
        """
        proxy = self._settings.proxy_url
        url = self._settings.run_url if proxy is None else proxy.url
        exchange = async_new_exchange(
            Watchdog(Limits(start=self._settings.start_timeout), time.monotonic)
        )
        self._sender.register(exchange)
        try:
            await self._sender.preconnect(url, exchange)
        except Expired as error:
            failure: FalStreamError = timeout_error(error, "0 chunks")
        except Aborted:
            failure = StreamConnectionError(
                "The connection was not opened, as its client was closed", request_sent=False
            )
        else:
            return
        finally:
            self._sender.unregister(exchange)
        raise failure

    async def aclose(self) -> None:
        """End streams that are still running, and close the connections."""
        await self._sender.aclose()
        if self._owns_storage:
            await self.storage.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __getstate__(self) -> tuple[config_module.Config, AsyncStorageClient | None]:
        self._sender.check_copyable()
        return self.config, None if self._owns_storage else self.storage

    def __setstate__(self, state: tuple[config_module.Config, AsyncStorageClient | None]) -> None:
        config, storage = state
        AsyncStreamingClient.__init__(self, config, storage=storage)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.run_url}>"


def _with_token(request: PreparedRequest, token: Token) -> PreparedRequest:
    query = {TOKEN_PARAMETER: token.secret.reveal()}
    return replace(request, url=add_query(request.url, query))


def _check_storage(storage: AsyncStorage | None) -> AsyncStorageClient | None:
    if storage is not None and is_overridden(storage, "upload"):
        from .custom_storage import check_storage

        check_storage(storage)
    # The user's own object has at least the methods that are used here.
    return cast("AsyncStorageClient | None", storage)


@hide_arguments
def create_async_streaming_client(
    config: config_module.Config | None = None,
    *,
    storage: AsyncStorage | None = None,
    http_client: AsyncHttpClient | None = None,
    credentials: str | Secret | CredentialsFunction | NotGiven | None = NOT_GIVEN,
    run_url: str | NotGiven = NOT_GIVEN,
    rest_url: str | NotGiven = NOT_GIVEN,
    trusted_hosts: Collection[str] | NotGiven = NOT_GIVEN,
    proxy_url: str | ProxyUrlConfig | NotGiven | None = NOT_GIVEN,
    request_middleware: RequestMiddleware
    | Sequence[RequestMiddleware]
    | NotGiven
    | None = NOT_GIVEN,
    retry: RetryPolicy | int | NotGiven | None = NOT_GIVEN,
    token_lifetime: float | NotGiven = NOT_GIVEN,
    keepalive_expiry: float | NotGiven = NOT_GIVEN,
    timeout: float | NotGiven | None = NOT_GIVEN,
    event_timeout: float | NotGiven | None = NOT_GIVEN,
    start_timeout: float | NotGiven | None = NOT_GIVEN,
    total_timeout: float | NotGiven | None = NOT_GIVEN,
    max_event_bytes: int | NotGiven = NOT_GIVEN,
    headers: Mapping[str, str] | NotGiven = NOT_GIVEN,
    **unknown: Unpack[NoOthers],
) -> AsyncStreamingClient:
    """Create a client, like `createStreamingClient` in JavaScript.

    Args:
        config: Settings as a `Config`, which documents each of the settings below. Settings that
            are given by name are used instead of those in it. Default: the settings of the
            environment.
        storage: What uploads the files in inputs. Default None: a storage client with the same
            settings.
        http_client: An HTTP client of your own. Default None: the built-in one.
        credentials: Your fal API key, or a function that returns it and is called for each request.
            Default: the key in the environment.
        run_url: The server that runs models.
        rest_url: The server that takes uploads and issues tokens.
        trusted_hosts: Hosts besides fal's own that may get the key.
        proxy_url: A proxy such as `@fal-ai/server-proxy` that requests are sent through.
        request_middleware: Functions that change each request before it is sent.
        retry: When a request is retried, or how many times at most; None for never.
        token_lifetime: How many seconds a token of the connection mode `client` is valid.
        keepalive_expiry: How many seconds an idle connection is kept.
        timeout: Seconds that a running stream may be silent; keep-alives count as data.
        event_timeout: Seconds to wait for the next chunk.
        start_timeout: Seconds to wait for the response headers.
        total_timeout: Seconds to wait for the whole stream.
        max_event_bytes: The largest event, in bytes.
        headers: Headers that are sent with each request.
        **unknown: Any other keyword raises ConfigError.

    Returns:
        The client.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """
    credentials = wrap_secret(credentials)
    settings = given_settings(locals())
    return AsyncStreamingClient(config, storage=storage, http_client=http_client, **settings)
