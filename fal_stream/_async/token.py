"""Fetch and cache the short-lived tokens of the connection mode `client`.

Streams that start at the same time share one request for a token. Each waits under its own timeouts
and can be aborted; if the one that sends the request gives up, another one sends it.
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
from .._net.compat import async_check_function
from .._net.threads import AsyncSharedWork
from .._shared.prepared_request import api_request
from .._shared.prepared_stream import PreparedStream
from .._shared.tokens import TokenKey, check_token, token_margin, token_of
from ..config import AnySettings
from ..credentials import Token
from ..errors import ApiError, FalStreamError, StreamConnectionError, StreamDecodeError, TokenError
from .dispatch import AsyncDispatcher

_logger = logging.getLogger("fal_stream")

Deliver = Callable[["Token | FalStreamError | None"], None]


class _PendingToken(AsyncSharedWork):
    """A token that is being requested, and who else waits for it."""

    def __init__(self, exchange: AsyncExchange) -> None:
        super().__init__()
        self.exchange = exchange
        self.waiting: deque[Deliver] = deque()
        self.has_landed = False

    def resolve(self, outcome: Token | FalStreamError | None) -> None:
        """Give the outcome to those who wait; None: there is none, another may request it."""
        self.has_landed = True
        # A waiter leaves the list when it has got the outcome: after a Ctrl-C in this loop, the
        # others are called again.
        for deliver in list(self.waiting):
            deliver(outcome)

    def add_waiter(self, deliver: Deliver) -> None:
        """Wait for what comes of it."""
        self.waiting.append(deliver)
        if self.has_landed:
            deliver(None)  # they look at the cache again


class AsyncTokens:
    """The tokens of one client.

    No lock guards them: each step on them is one of the interpreter, and the thread that is in the
    middle of one may be interrupted by a signal handler, or for good.

    Args:
        config: The client's settings.
        dispatcher: Sends its requests.
    """

    def __init__(self, config: AnySettings, dispatcher: AsyncDispatcher) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._kept: dict[TokenKey, Token] = {}
        self._pending: dict[TokenKey, _PendingToken] = {}

    async def get(self, prepared: PreparedStream, exchange: AsyncExchange) -> tuple[Token, bool]:
        """Return a token for a stream.

        Args:
            prepared: The stream.
            exchange: Carries the limits and the abort.

        Returns:
            The token, and whether it was kept from before.

        Raises:
            TokenError: None could be had.
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
                # Each stream gets an error of its own, with its own request.
                raise copy.copy(outcome) from outcome.__cause__
            if outcome is not None:
                return outcome, False

    def forget(self, prepared: PreparedStream, token: Token) -> None:
        """Drop a token that the server has refused.

        Args:
            prepared: The stream that it was for.
            token: The token; a newer one is kept.
        """
        key = TokenKey(prepared.token_provider, prepared.app_path, os.getpid())
        if self._kept.get(key) is token:
            self._kept.pop(key, None)

    def _fresh(self, key: TokenKey) -> Token | None:
        """Return the token that is kept; those whose time is over are dropped."""
        now, margin = time.monotonic(), token_margin(self._config.token_lifetime)
        for old, token in self._kept.copy().items():
            if not token.is_fresh(now):
                self._kept.pop(old, None)
        kept = self._kept.get(key)
        return kept if kept is not None and kept.is_fresh(now, margin=margin) else None

    async def _fetch_or_wait(
        self, key: TokenKey, prepared: PreparedStream, exchange: AsyncExchange
    ) -> Token | FalStreamError | None:
        """Request a token, or wait for the one that another requests; None: look again."""
        mine = _PendingToken(exchange)
        try:
            pending = self._pending.setdefault(key, mine)
            if pending.exchange.is_orphaned:
                self._resolve(key, pending, None)
                return None
            if pending is not mine and not pending.is_interrupted_here():
                return await exchange.wait_for_callback(pending.add_waiter)
            _logger.debug("A token for %s is asked for", prepared.app_path)
            outcome = await self._outcome(prepared, exchange)
            if isinstance(outcome, Token):
                self._kept[key] = outcome
            self._resolve(key, mine, outcome)
        except BaseException:
            # Wherever it was interrupted, so that no stream waits for a request that was given up.
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
        config = self._config
        content = {
            "allowed_apps": [prepared.alias],
            "token_expiration": round(config.token_lifetime),
        }
        request = api_request(config, f"{config.rest_url}/tokens/", content, {})
        try:
            return token_of(await self._dispatcher.fetch_json(request, exchange))
        except (ApiError, StreamConnectionError) as error:
            raise TokenError(
                f"fal gave no token: {error.message}", request_id=error.request_id
            ) from error
        except StreamDecodeError:
            pass
        # Not shown in the message, because it may contain a token.
        raise TokenError("fal gave no token: the answer is not JSON")
