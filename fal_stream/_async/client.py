"""The client: settings and connections that streams share."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar, overload

from typing_extensions import Self, TypeForm, Unpack

from .._checks import check_credentials
from .._net.async_exchange import AsyncExchange
from .._net.runtime import async_call
from .._shared.request import StreamPlan, plan_stream
from ..config import (
    ClientSettings,
    Config,
    CredentialsFunction,
    Secret,
    credentials_from_environment,
)
from ..errors import ConfigError
from ..types import StreamOptions
from .response import AsyncStreamResponse
from .stream import AsyncFalStream
from .transport import AsyncTransport

OutputT = TypeVar("OutputT")


class AsyncStreamingClient:
    """Streams from fal.ai apps; one client serves any number of streams.

    Its connections are kept for the streams to come until it is closed.

    Args:
        config: The settings. Default: a `Config` of the environment.
        **settings: Over those of `config`: credentials, run_url, trusted_hosts, timeout,
            event_timeout, start_timeout, total_timeout, max_event_bytes, headers; `Config` says
            what each means. Times are seconds.

    Attributes:
        config: The settings.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """

    def __init__(self, config: Config | None = None, **settings: Unpack[ClientSettings]) -> None:
        if config is not None and not isinstance(config, Config):
            raise ConfigError(
                f"config is of type {type(config).__name__}, not Config: give "
                "fal_stream.Config(...), or the settings by name, like credentials=..."
            )
        merged: dict[str, Any] = {}
        if config is not None:
            merged = {name: getattr(config, name) for name in config.model_fields_set}
        merged.update(settings)
        self.config: Config = Config(**merged)
        self._transport = AsyncTransport()

    @overload
    def stream(
        self,
        endpoint_id: str,
        *,
        output_type: TypeForm[OutputT],
        **options: Unpack[StreamOptions],
    ) -> AsyncFalStream[OutputT]: ...

    @overload
    def stream(
        self, endpoint_id: str, *, output_type: None = None, **options: Unpack[StreamOptions]
    ) -> AsyncFalStream[Any]: ...

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
                start_timeout, total_timeout, method, accept, signal, headers. Times are
                seconds; one that is left out is the client's.

        Returns:
            The stream.

        Raises:
            ConfigError: The endpoint id or an option is wrong; the message names it.
        """
        plan = plan_stream(self.config, endpoint_id, options, output_type)
        if plan.key == "withheld" and self._has_key():
            warnings.warn(
                f"The key is not sent to {plan.origin}: it goes over https to fal's own hosts "
                "only; name the host in trusted_hosts if it may have it",
                stacklevel=2,
            )
        return AsyncFalStream(self.config, plan, options, self._open)

    def _has_key(self) -> bool:
        return self.config.credentials is not None or credentials_from_environment() is not None

    async def _open(self, plan: StreamPlan, exchange: AsyncExchange) -> AsyncStreamResponse:
        self._transport.admit(exchange)
        try:
            credentials = await self._credentials(plan, exchange)
            authorization = None if credentials is None else f"Key {credentials}"
            return await self._transport.open(plan, authorization, exchange)
        except BaseException:
            self._transport.dismiss(exchange)
            raise

    async def _credentials(self, plan: StreamPlan, exchange: AsyncExchange) -> str | None:
        if plan.key in ("own", "withheld"):
            return None
        given = self.config.credentials
        if isinstance(given, Secret):
            return given.reveal()
        if given is not None:
            return check_credentials(await exchange.run(_ask(given), _forget))
        credentials = credentials_from_environment()
        if credentials is None and plan.key == "required":
            raise ConfigError(
                "No credentials: set the environment variable FAL_KEY to the key from fal's "
                "dashboard, or give credentials=... to the client"
            )
        return credentials

    async def aclose(self) -> None:
        """Abort the streams that still run, and close the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.config.run_url}>"


async def _ask(function: CredentialsFunction) -> str:
    try:
        return await async_call(function)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The credentials function raised {type(error).__name__}, which is the cause of this"
        ) from error


def _forget(_: object) -> None:
    """Credentials that came too late need no undoing."""


def create_async_streaming_client(
    config: Config | None = None, **settings: Unpack[ClientSettings]
) -> AsyncStreamingClient:
    """Make a client, as the function of the same name in JavaScript does.

    Args:
        config: The settings. Default: a `Config` of the environment.
        **settings: Over those of `config`, as for `AsyncStreamingClient`.

    Returns:
        The client.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """
    return AsyncStreamingClient(config, **settings)
