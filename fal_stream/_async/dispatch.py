"""Retry, authenticate, apply middleware and the proxy: all that is done to a request of fal's API.

Not here: connections (`http`), which requests may be retried (`RetryPolicy`), and what a response
means (`api_errors`).
"""

from __future__ import annotations

import logging
import random
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._checks import warn_of_long_times
from .._net.async_exchange import AsyncExchange
from .._net.flavour_pairs import async_check_function
from .._reporting.spans import trace_headers
from .._shared.endpoint import backup_url, is_loopback
from .._shared.prepared_request import PreparedRequest, authorization, key_use
from .._shared.watchdog import OPTION_OF_PHASE
from ..config import AnySettings
from ..credentials import Secret, check_credentials, credentials_from_environment
from ..errors import ConfigError, StreamConnectionError, excerpt
from ..middleware import RequestConfig, check_middleware_result
from .http.sender import AsyncSender

if TYPE_CHECKING:
    from .http.response import AsyncStreamResponse

# The time for connecting to any address of fal.run before its backup host is tried (seconds), the
# same as in fal's Python client. The DNS look-up is not counted: that of the backup host would wait
# for the same name server.
PRIMARY_CONNECT_TIMEOUT = 5.0

_logger = logging.getLogger("fal_stream")


class AsyncDispatcher:
    """Sends the requests of one client.

    Args:
        config: The client's settings.
        sender: The client's connections.

    Attributes:
        sender: The client's connections.

    Raises:
        ConfigError: A setting can't be used by a client of this flavour.
    """

    def __init__(self, config: AnySettings, sender: AsyncSender) -> None:
        self._config = config
        self.sender = sender
        self._warned: set[str] = set()
        for function in config.request_middleware:
            async_check_function("request_middleware", function)
        proxy = config.proxy_url
        if proxy is not None and proxy.send_key:
            parts = urlsplit(proxy.url)
            if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
                raise ConfigError(
                    f"send_key would send the key to {parts.scheme}://{parts.netloc} over plain "
                    "http: give proxy_url an https address, or leave send_key out"
                )

    async def dispatch(
        self, request: PreparedRequest, exchange: AsyncExchange, *, as_is: bool = False
    ) -> AsyncStreamResponse:
        """Send a request, with retries, and wait for the head of its response.

        Args:
            request: What to send.
            exchange: Applies the timeouts and the abort.
            as_is: Whether to leave middleware, proxy and key out. Default False.

        Returns:
            The response, whatever its status.

        Raises:
            StreamConnectionError: No response came.
            ConfigError: The credentials or the URL can't be used, or the middleware raised.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        retry = 0
        while True:
            prepared = _traced(request if as_is else await self._prepare(request, exchange))
            began = time.monotonic()
            _logger.debug("%s to %s", prepared.method, prepared.origin)
            try:
                response = await self._try_hosts(prepared, exchange)
            except StreamConnectionError as error:
                delay = self._delay_after_failure(retry, error, exchange)
                if delay is None:
                    raise
                reason = error.message
            else:
                if _logger.isEnabledFor(logging.DEBUG):
                    _log_response(prepared, response, time.monotonic() - began)
                delay = self._delay_after_answer(retry, response, exchange)
                if delay is None:
                    return response
                await response.discard()
                reason = f"the server answered {response.status}"
            _logger.info("Trying again in %.1f s: %s", delay, reason)
            await exchange.sleep(delay)
            retry += 1

    def warn_if_withheld(self, request: PreparedRequest, stacklevel: int) -> None:
        """Warn, once for each origin, if there is a key but the request is sent without it.

        Args:
            request: The request.
            stacklevel: The frame that the warning is attributed to, as for `warnings.warn`.
        """
        use = key_use(self._config, request.url, request.headers)
        if use != "withheld" or request.origin in self._warned or not self._has_key():
            return
        self._warned.add(request.origin)
        reason = (
            "it goes over https only, to other machines; give an https address"
            if request.origin.startswith("http:")
            else "it is none of fal's own hosts; name it in trusted_hosts if it may have the key"
        )
        warnings.warn(
            f"The key is not sent to {request.origin}: {reason}", stacklevel=stacklevel + 1
        )

    def warn_of_long_times(self, options: Mapping[str, object]) -> None:
        """Warn of timeouts that look like milliseconds, once for each value."""
        names = OPTION_OF_PHASE.values()
        warn_of_long_times({name: options.get(name) for name in names}, self._warned)

    @property
    def is_direct(self) -> bool:
        """Whether no middleware and no proxy can change where a request goes."""
        return not self._config.request_middleware and self._config.proxy_url is None

    def _has_key(self) -> bool:
        return self._config.credentials is not None or credentials_from_environment() is not None

    async def _prepare(self, request: PreparedRequest, exchange: AsyncExchange) -> PreparedRequest:
        """Apply middleware and proxy, and add the key if the URL may get it."""
        config = self._config
        changed = RequestConfig(
            request.method, request.url, MappingProxyType(dict(request.headers))
        )
        for function in config.request_middleware:
            given = await _call(exchange, "request_middleware", function, changed)
            changed = check_middleware_result(given)
        proxied = await self._via_proxy_url(changed, exchange)
        sent = proxied or changed
        prepared = PreparedRequest(
            sent.method, sent.url, sent.headers, None if sent.method == "GET" else request.body
        )
        use = key_use(config, sent.url, sent.headers)
        if proxied is not None and use != "own":
            use = "required" if config.proxy_url and config.proxy_url.send_key else "withheld"
        elif use == "withheld":
            self.warn_if_withheld(prepared, stacklevel=1)
        credentials = None
        if use in ("required", "optional"):
            credentials = await self._credentials(exchange, is_required=use == "required")
        _logger.debug(
            "The request goes %s, %s",
            "straight to fal" if proxied is None else "through the proxy_url",
            "without the key" if credentials is None else "with the key",
        )
        if credentials is None:
            return prepared
        return replace(
            prepared, headers={**sent.headers, "authorization": authorization(credentials)}
        )

    async def _via_proxy_url(
        self, request: RequestConfig, exchange: AsyncExchange
    ) -> RequestConfig | None:
        proxy = self._config.proxy_url
        if proxy is None:
            return None
        sent: RequestConfig | None = await _call(
            exchange, "proxy_url's `when`", proxy.redirected, request
        )
        return sent

    async def _credentials(self, exchange: AsyncExchange, *, is_required: bool) -> Secret | None:
        # No variable holds the credentials, because a traceback may show it. That is true of a
        # function too: the repr of a `partial` shows its arguments.
        if isinstance(self._config.credentials, Secret):
            return self._config.credentials
        if self._config.credentials is not None:
            what = "The credentials function"
            return check_credentials(Secret(await _call(exchange, what, self._config.credentials)))
        credentials = credentials_from_environment()
        if credentials is None and is_required:
            raise ConfigError(
                "No credentials: set the environment variable FAL_KEY to the key from fal's "
                "dashboard (or both FAL_KEY_ID and FAL_KEY_SECRET), or give credentials=... to "
                "the client"
            )
        return credentials

    async def _try_hosts(
        self, request: PreparedRequest, exchange: AsyncExchange
    ) -> AsyncStreamResponse:
        """Send a request; if fal's host can't be reached, send it to the backup host."""
        backup = request.at(backup_url(request.url))
        if backup is None:
            return await self.sender.request(request, exchange)
        exchange.connect_timeout = PRIMARY_CONNECT_TIMEOUT
        try:
            return await self.sender.request(request, exchange)
        except StreamConnectionError as error:
            if error.request_sent or not error.transient:
                raise
            failure = error
        finally:
            exchange.connect_timeout = None
        _logger.info("Trying the backup host: %s", failure.message)
        try:
            return await self.sender.request(backup, exchange)
        except StreamConnectionError as error:
            if error.request_sent:
                raise
        raise failure

    def _delay_after_failure(
        self, retry: int, error: StreamConnectionError, exchange: AsyncExchange
    ) -> float | None:
        policy = self._config.retry
        if policy is None or not error.transient:
            return None
        delay = policy.delay_after_failure(retry, sent=error.request_sent, chance=random.random())
        return _within(delay, exchange)

    def _delay_after_answer(
        self, retry: int, response: AsyncStreamResponse, exchange: AsyncExchange
    ) -> float | None:
        policy = self._config.retry
        if policy is None:
            return None
        delay = policy.delay_after_answer(
            retry, response.status, response.headers, now=time.time(), chance=random.random()
        )
        return _within(delay, exchange)


async def _call(
    exchange: AsyncExchange, what: str, function: Callable[..., Any], *args: Any
) -> Any:
    """Call a function of the user; an exception that it raises is the cause of a `ConfigError`."""
    from .callbacks import call_callback

    return await call_callback(exchange, ConfigError, what, function, *args)


def _traced(request: PreparedRequest) -> PreparedRequest:
    """Add the headers of the current OpenTelemetry span, unless the request has them already."""
    headers = {} if request.omit_default_headers else trace_headers()
    return replace(request, headers={**headers, **request.headers}) if headers else request


def _log_response(request: PreparedRequest, response: AsyncStreamResponse, seconds: float) -> None:
    request_id = excerpt(response.redacted_headers.get("x-fal-request-id", "none"), 120)
    _logger.debug(
        "%s answered %d after %.3f s, request_id=%s",
        request.origin,
        response.status,
        seconds,
        request_id,
    )


def _within(delay: float | None, exchange: AsyncExchange) -> float | None:
    """Return the delay, or None if a limit of the stream would run out during it.

    Then the failure itself is raised, which says more than the timeout would.
    """
    return delay if delay is not None and delay < exchange.watchdog.remaining() else None
