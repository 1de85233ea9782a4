"""The client: settings and connections that streams share."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from typing_extensions import Self, TypeForm, Unpack

from .._checks import shown
from .._files.kinds import is_file
from .._net.async_exchange import AsyncExchange
from .._net.exchange import Aborted
from .._net.exchanges import async_new_exchange
from .._shared.query import add_query
from .._shared.request import StreamPlan, plan_stream
from .._shared.timeouts import timeout_error
from .._shared.tokens import TOKEN_PARAMETER
from .._shared.watchdog import Expired, Limits, Watchdog
from ..config import ClientSettings, Config, make_config
from ..errors import ConfigError, FalStreamError, StreamConnectionError
from ..types import StreamOptions
from .dispatch import AsyncDispatcher
from .fetch import AsyncFetcher
from .http.httpx_client import AsyncHttpClient, make_sender
from .storage import AsyncStorageClient
from .stream import AsyncFalStream
from .token import AsyncTokens

if TYPE_CHECKING:
    from .._net.crew import AsyncInputs, AsyncReading
    from ..abort import AbortSignal
    from .http.response import AsyncStreamResponse
    from .stream_map import AsyncStreamMap

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")
ResultT = TypeVar("ResultT")


class AsyncStreamingClient:
    """Streams from fal.ai apps; one client serves any number of streams.

    Its connections are kept for the streams to come until it is closed. A copy, and what a pickle
    gives, is a new client of the same settings; a pickle holds no key, see `Config`.

    Args:
        config: The settings. Default: a `Config` of the environment.
        storage: Uploads the files in inputs; it is not closed. Default None: one with the same
            settings.
        http_client: An HTTP client of your own that requests are sent by; it is not closed.
            Default None: one of ours, which is faster and ends at once when it is aborted.
        **settings: Over those of `config`, which says what each means: credentials, run_url,
            rest_url, trusted_hosts, proxy_url, request_middleware, retry, token_lifetime,
            keepalive_expiry, timeout, event_timeout, start_timeout, total_timeout,
            max_event_bytes, headers. Times are seconds.

    Attributes:
        config: The settings.
        storage: Uploads the files in inputs.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        storage: AsyncStorageClient | None = None,
        http_client: AsyncHttpClient | None = None,
        **settings: Unpack[ClientSettings],
    ) -> None:
        self.config: Config = make_config(config, settings)
        self._sender = make_sender(http_client, self.config)
        self._dispatcher = AsyncDispatcher(self.config, self._sender)
        self._fetcher = AsyncFetcher(self._dispatcher, self._sender)
        self._tokens = AsyncTokens(self.config, self._dispatcher)
        self._owns_storage = storage is None
        self.storage: AsyncStorageClient = _check_storage(storage) or AsyncStorageClient(
            self.config, http_client=http_client
        )

    @overload
    def stream(
        self, endpoint_id: str, *, output_type: None = None, **options: Unpack[StreamOptions]
    ) -> AsyncFalStream[Any]: ...

    @overload
    def stream(
        self,
        endpoint_id: str,
        *,
        output_type: TypeForm[OutputT],
        **options: Unpack[StreamOptions],
    ) -> AsyncFalStream[OutputT]: ...

    def stream(
        self, endpoint_id: str, *, output_type: Any = None, **options: Unpack[StreamOptions]
    ) -> AsyncFalStream[Any]:
        """Make a stream; nothing is sent until it starts.

        Args:
            endpoint_id: The endpoint, `owner/alias[/path]`, as on the model's page.
            output_type: The type of the chunks: a pydantic model, a TypedDict, a union or any
                other type form that pydantic can validate. Default None: JSON values as they
                are.
            **options: See `StreamOptions`: input, url, query_params, timeout, event_timeout,
                start_timeout, total_timeout, method, accept, signal, headers, auto_upload,
                connection_mode, token_provider, is_final, raise_error_events, priority, hint.
                Times are seconds; one that is left out is the client's.

        Returns:
            The stream.

        Raises:
            ConfigError: The endpoint id or an option is wrong; the message names it.
        """
        plan = plan_stream(self.config, endpoint_id, options, output_type, is_file)
        if self._dispatcher.is_direct and not plan.with_token:
            self._dispatcher.warn_if_withheld(plan.request, stacklevel=2)
        return AsyncFalStream(self.config, plan, options, self._open, self._fetcher)

    @overload
    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[InputT],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: None = None,
        read: None = None,
        **options: Unpack[StreamOptions],
    ) -> AsyncStreamMap[InputT, Any]: ...

    @overload
    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[InputT],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: TypeForm[OutputT],
        read: None = None,
        **options: Unpack[StreamOptions],
    ) -> AsyncStreamMap[InputT, OutputT | None]: ...

    @overload
    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[InputT],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: Any = None,
        read: AsyncReading[AsyncFalStream[Any], ResultT],
        **options: Unpack[StreamOptions],
    ) -> AsyncStreamMap[InputT, ResultT]: ...

    def stream_map(
        self,
        endpoint_id: str,
        inputs: AsyncInputs[Any],
        *,
        concurrency: int = 8,
        ordered: bool = False,
        output_type: Any = None,
        read: AsyncReading[AsyncFalStream[Any], Any] | None = None,
        **options: Unpack[StreamOptions],
    ) -> AsyncStreamMap[Any, Any]:
        """Stream many inputs side by side; nothing is sent until the results are asked for.

        Each input is streamed once. One that fails is given back with its error, and the others
        go on.

        Args:
            endpoint_id: The endpoint, `owner/alias[/path]`, as on the model's page.
            inputs: The inputs, one after the other; as many as you like, for they are read no
                further ahead than results are taken.
            concurrency: How many streams run at once at most. Default 8.
            ordered: Whether the results come in the order of the inputs. Default False: as they
                are ready.
            output_type: The type of the chunks. Default None: JSON values as they are.
            read: What is done with each stream, a function that gives the result. Default None:
                it is read to its end, and the last chunk is the result.
            **options: Of each stream, see `StreamOptions`, without `input`. A `signal` ends the
                map.

        Returns:
            An iterator of `MapItem`, best used by `with`.

        Raises:
            ConfigError: The endpoint id or an option is wrong; the message names it.
        """
        from .stream_map import AsyncStreamMap

        if "input" in options:
            raise ConfigError("input is given for each stream: put it into inputs")
        plan_stream(self.config, endpoint_id, options, output_type, is_file)

        def make(input: Any, signal: AbortSignal) -> AsyncFalStream[Any]:
            mine: StreamOptions = {**options, "input": input, "signal": signal}
            return self.stream(endpoint_id, output_type=output_type, **mine)

        signal = options.get("signal")
        return AsyncStreamMap(make, inputs, read, concurrency, ordered, signal)

    async def _open(self, plan: StreamPlan, exchange: AsyncExchange) -> AsyncStreamResponse:
        self._sender.admit(exchange)
        try:
            if plan.files:
                plan = await self._with_files(plan, exchange)
            if plan.with_token:
                return await self._open_with_token(plan, exchange)
            return await self._dispatcher.open(plan.request, exchange)
        except BaseException:
            self._sender.dismiss(exchange)
            raise

    async def _with_files(self, plan: StreamPlan, exchange: AsyncExchange) -> StreamPlan:
        began = time.monotonic()
        urls = await self.storage.upload_found(plan.files, plan.limits.of_uploads, exchange.signal)
        exchange.watchdog.charge(time.monotonic() - began)
        return plan.with_files(urls)

    async def _open_with_token(
        self, plan: StreamPlan, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        while True:
            token, was_kept = await self._tokens.get(plan, exchange)
            url = add_query(plan.request.url, {TOKEN_PARAMETER: token.secret.reveal()})
            request = replace(plan.request, url=url)
            response = await self._dispatcher.open(request, exchange, as_is=True)
            if response.status != 401 or not was_kept:
                return response
            # It may have been withdrawn, or its clock has stood still while this machine slept.
            self._tokens.forget(plan, token)
            await response.discard()

    async def preconnect(self) -> None:
        """Open a connection to where the streams run, and keep it for the first of them.

        Looks the name up, connects, and does the TLS handshake, so that the first stream costs one
        round trip. The connection is kept for `keepalive_expiry`; a stream that starts meanwhile
        waits for it and takes it. Nothing is sent, and no key is needed.

        Raises:
            StreamConnectionError: It can't be opened, as a stream would say it.
            StreamTimeout: `start_timeout` has run out.
            ConfigError: The client is closed, or has an `http_client`.
        """
        proxy = self.config.proxy_url
        url = self.config.run_url if proxy is None else proxy.url
        exchange = async_new_exchange(
            Watchdog(Limits(start=self.config.start_timeout), time.monotonic)
        )
        self._sender.admit(exchange)
        try:
            await self._sender.preconnect(url, exchange)
        except Expired as error:
            failure: FalStreamError = timeout_error(error, 0)
        except Aborted:
            failure = StreamConnectionError(
                "The connection was not opened, as its client was closed", request_sent=False
            )
        else:
            return
        finally:
            self._sender.dismiss(exchange)
        raise failure

    async def aclose(self) -> None:
        """Abort the streams that still run, and close the connections."""
        await self._sender.aclose()
        if self._owns_storage:
            await self.storage.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __getstate__(self) -> tuple[Config, AsyncStorageClient | None]:
        self._sender.check_copied()
        return self.config, None if self._owns_storage else self.storage

    def __setstate__(self, state: tuple[Config, AsyncStorageClient | None]) -> None:
        config, storage = state
        AsyncStreamingClient.__init__(self, config, storage=storage)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.config.run_url}>"


def _check_storage(storage: object) -> AsyncStorageClient | None:
    if storage is None or isinstance(storage, AsyncStorageClient):
        return storage
    raise ConfigError(f"storage={shown(storage)} must be a {AsyncStorageClient.__name__}")


def create_async_streaming_client(
    config: Config | None = None,
    *,
    storage: AsyncStorageClient | None = None,
    http_client: AsyncHttpClient | None = None,
    **settings: Unpack[ClientSettings],
) -> AsyncStreamingClient:
    """Make a client, as the function of the same name in JavaScript does.

    Args:
        config: The settings. Default: a `Config` of the environment.
        storage: Uploads the files in inputs. Default None: one with the same settings.
        http_client: An HTTP client of your own. Default None: one of ours.
        **settings: Over those of `config`, as for `AsyncStreamingClient`.

    Returns:
        The client.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """
    return AsyncStreamingClient(config, storage=storage, http_client=http_client, **settings)
