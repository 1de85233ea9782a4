"""Fetch and cache the short-lived tokens of the connection mode `client`.

Streams that start at the same time share one request for a token. Each stream waits with its own
timeouts and abort; if the stream that sends the request ends, another one sends it.
"""

from __future__ import annotations

import copy
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .._net.async_exchange import AsyncExchange
from .._net.flavour_pairs import async_check_function
from .._net.threads import AsyncSharedWork
from .._shared.prepared_request import api_request
from .._shared.prepared_stream import PreparedStream
from .._shared.token_format import TokenKey, check_token, token_margin, token_of
from ..config import AnySettings
from ..credentials import Token
from ..errors import ApiError, FalStreamError, StreamConnectionError, StreamDecodeError, TokenError
from .dispatch import AsyncDispatcher

_logger = logging.getLogger("fal_stream")

Deliver = Callable[["Token | FalStreamError | None"], None]


class _PendingToken(AsyncSharedWork):
    """A token that is being requested, and the callbacks of the streams that wait for it."""

    def __init__(self, exchange: AsyncExchange) -> None:
        super().__init__()
        self.exchange = exchange
        self.waiting: deque[Deliver] = deque()
        self.is_resolved = False

    def resolve(self, outcome: Token | FalStreamError | None) -> None:
        """Deliver the outcome to the waiters; None tells them to look for a token again."""
        self.is_resolved = True
        # Callbacks are not removed, so after a Ctrl-C in this loop, the next call reaches the rest.
        for deliver in list(self.waiting):
            deliver(outcome)

    def add_waiter(self, deliver: Deliver) -> None:
        """Add a callback for the outcome."""
        self.waiting.append(deliver)
        if self.is_resolved:
            deliver(None)  # the waiter looks at the cache again


class AsyncTokenCache:
    """The tokens of one client.

    No lock guards them, because a signal handler may interrupt any step: each step is a single
    operation of the interpreter.

    Args:
        config: The client's settings.
        dispatcher: Sends the requests for tokens.
    """

    def __init__(self, config: AnySettings, dispatcher: AsyncDispatcher) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._cache: dict[TokenKey, Token] = {}
        self._pending: dict[TokenKey, _PendingToken] = {}

    async def get(self, prepared: PreparedStream, exchange: AsyncExchange) -> tuple[Token, bool]:
        """Return a token for a stream.

        Args:
            prepared: The stream.
            exchange: Applies the timeouts and the abort.

        Returns:
            The token, and whether it was cached.

        Raises:
            TokenError: No token could be fetched.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        key = TokenKey(prepared.token_provider, prepared.app_path, os.getpid())
        while True:
            kept = self._fresh(key)
            if kept is not None:
                _logger.debug("A token for %s was kept from before", prepared.app_path)
                return kept, True
            outcome = await self._fetch_or_wait(key, prepared, exchange)
            if isinstance(outcome, FalStreamError):
                # Each stream gets its own copy of the error, which it adds its request id to.
                raise copy.copy(outcome) from outcome.__cause__
            if outcome is not None:
                return outcome, False

    def forget(self, prepared: PreparedStream, token: Token) -> None:
        """Remove a token that the server has refused from the cache.

        Args:
            prepared: The stream that the token was for.
            token: The token; a newer one stays in the cache.
        """
        key = TokenKey(prepared.token_provider, prepared.app_path, os.getpid())
        if self._cache.get(key) is token:
            self._cache.pop(key, None)

    def _fresh(self, key: TokenKey) -> Token | None:
        """Return the cached token if it is still valid, and remove tokens that have expired."""
        now, margin = time.monotonic(), token_margin(self._config.token_lifetime)
        for old, token in self._cache.copy().items():
            if not token.is_fresh(now):
                self._cache.pop(old, None)
        kept = self._cache.get(key)
        return kept if kept is not None and kept.is_fresh(now, margin=margin) else None

    async def _fetch_or_wait(
        self, key: TokenKey, prepared: PreparedStream, exchange: AsyncExchange
    ) -> Token | FalStreamError | None:
        """Request a token, or wait for one that is being requested.

        Returns:
            The token or the error, or None if the caller has to look in the cache again.
        """
        mine = _PendingToken(exchange)
        try:
            pending = self._pending.setdefault(key, mine)
            if pending.exchange.is_loop_closed:
                self._resolve(key, pending, None)
                return None
            if pending is not mine and not pending.is_interrupted_here():
                return await exchange.wait_for_callback(pending.add_waiter)
            _logger.debug("A token for %s is asked for", prepared.app_path)
            outcome = await self._outcome(prepared, exchange)
            if isinstance(outcome, Token):
                self._cache[key] = outcome
            self._resolve(key, mine, outcome)
        except BaseException:
            # Whatever has interrupted this: no stream may wait for a request that was cancelled.
            self._resolve(key, mine, None)
            raise
        return outcome

    def _resolve(
        self, key: TokenKey, pending: _PendingToken, outcome: Token | FalStreamError | None
    ) -> None:
        if self._pending.get(key) is pending:
            self._pending.pop(key, None)
        pending.resolve(outcome)

    async def _outcome(
        self, prepared: PreparedStream, exchange: AsyncExchange
    ) -> Token | FalStreamError:
        try:
            now = time.monotonic()
            value = check_token(await self._request(prepared, exchange))
            return Token.issued(value, now=now, lifetime=self._config.token_lifetime)
        except FalStreamError as error:
            return error

    async def _request(self, prepared: PreparedStream, exchange: AsyncExchange) -> Any:
        if prepared.token_provider is not None:
            from .callbacks import call_callback

            async_check_function("token_provider", prepared.token_provider)
            return await call_callback(
                exchange,
                TokenError,
                "The token provider",
                prepared.token_provider,
                prepared.app_path,
            )
        from .json_response import read_json

        config = self._config
        content = {
            "allowed_apps": [prepared.alias],
            "token_expiration": round(config.token_lifetime),
        }
        request = api_request(config, f"{config.rest_url}/tokens/", content, {})
        try:
            return token_of(await read_json(await self._dispatcher.dispatch(request, exchange)))
        except (ApiError, StreamConnectionError) as error:
            raise TokenError(
                f"fal gave no token: {error.message}", request_id=error.request_id
            ) from error
        except StreamDecodeError:
            pass
        # Not shown in the message, because it may contain a token.
        raise TokenError("fal gave no token: the answer is not JSON")
