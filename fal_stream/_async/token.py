"""Short-lived tokens for the connection mode `client`: asked for once, kept until they end.

Many streams that begin at once share one request. Each waits under its own limits and can be
aborted; where the one that asks gives up, another asks.
"""

from __future__ import annotations

import copy
import logging
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .._net.async_exchange import AsyncExchange
from .._net.runtime import Lock, async_check_function
from .._shared.outgoing import api_request
from .._shared.request import StreamPlan
from .._shared.tokens import TokenKey, check_token, token_margin, token_of
from ..config import Config
from ..credentials import Token
from ..errors import ApiError, FalStreamError, StreamConnectionError, StreamDecodeError, TokenError
from .ask import ask
from .dispatch import AsyncDispatcher

_logger = logging.getLogger("fal_stream")

Deliver = Callable[["Token | FalStreamError | None"], None]


class _Flight:
    """A token that is being asked for, and who waits for it besides the one that asks."""

    def __init__(self, exchange: AsyncExchange) -> None:
        self.exchange = exchange
        self.waiting: list[Deliver] = []


class AsyncTokens:
    """The tokens of one client.

    Args:
        config: The client's settings.
        dispatcher: Sends its requests.
    """

    def __init__(self, config: Config, dispatcher: AsyncDispatcher) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._lock = Lock()
        self._kept: dict[TokenKey, Token] = {}
        self._flights: dict[TokenKey, _Flight] = {}

    async def get(self, plan: StreamPlan, exchange: AsyncExchange) -> tuple[Token, bool]:
        """Give a token for a stream.

        Args:
            plan: The stream's plan.
            exchange: Carries the limits and the abort.

        Returns:
            The token, and whether it was kept from before.

        Raises:
            TokenError: None could be had.
            Aborted: The exchange was aborted.
            Expired: A limit of the watchdog has run out.
        """
        key = TokenKey(plan.token_provider, plan.app_path, os.getpid())
        while True:
            kept, is_mine = self._board(key, exchange)
            if kept is not None:
                _logger.debug("A token for %s was kept from before", plan.app_path)
                return kept, True
            if is_mine:
                _logger.debug("A token for %s is asked for", plan.app_path)
                return await self._fetch(key, plan, exchange), False
            landed = await exchange.delivery(partial(self._join, key))
            if isinstance(landed, FalStreamError):
                # Each stream adds its own request to its error.
                raise copy.copy(landed) from landed.__cause__
            if landed is not None:
                return landed, False

    def forget(self, plan: StreamPlan, token: Token) -> None:
        """Drop a token that the server has refused.

        Args:
            plan: The plan of the stream that it was for.
            token: The token; a newer one is kept.
        """
        key = TokenKey(plan.token_provider, plan.app_path, os.getpid())
        with self._lock:
            if self._kept.get(key) is token:
                del self._kept[key]

    def _board(self, key: TokenKey, exchange: AsyncExchange) -> tuple[Token | None, bool]:
        """Give the token that is kept, or tell whether the caller is the one to ask for it."""
        now, margin = time.monotonic(), token_margin(self._config.token_lifetime)
        with self._lock:
            for old in [old for old, token in self._kept.items() if not token.is_fresh(now)]:
                del self._kept[old]
            kept = self._kept.get(key)
            if kept is not None and kept.is_fresh(now, margin=margin):
                return kept, False
            flight = self._flights.setdefault(key, _Flight(exchange))
            if flight.exchange is not exchange and flight.exchange.is_orphaned:
                flight.exchange = exchange
            return None, flight.exchange is exchange

    def _join(self, key: TokenKey, deliver: Deliver) -> None:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                flight.waiting.append(deliver)
                return
        deliver(None)  # it has landed meanwhile: look again

    def _land(
        self, key: TokenKey, exchange: AsyncExchange, outcome: Token | FalStreamError | None
    ) -> None:
        with self._lock:
            flight = self._flights.get(key)
            if flight is None or flight.exchange is not exchange:
                return  # another has taken over
            if isinstance(outcome, Token):
                self._kept[key] = outcome
            del self._flights[key]
        for deliver in flight.waiting:
            deliver(outcome)

    async def _fetch(self, key: TokenKey, plan: StreamPlan, exchange: AsyncExchange) -> Token:
        outcome: Token | FalStreamError | None = None
        try:
            now = time.monotonic()
            value = check_token(await self._ask(plan, exchange))
            token = outcome = Token.issued(value, now=now, lifetime=self._config.token_lifetime)
        except FalStreamError as error:
            outcome = error
            raise
        finally:
            self._land(key, exchange, outcome)
        return token

    async def _ask(self, plan: StreamPlan, exchange: AsyncExchange) -> Any:
        if plan.token_provider is not None:
            async_check_function("token_provider", plan.token_provider)
            return await ask(
                exchange, TokenError, "The token provider", plan.token_provider, plan.app_path
            )
        config = self._config
        content = {"allowed_apps": [plan.alias], "token_expiration": round(config.token_lifetime)}
        request = api_request(config, f"{config.rest_url}/tokens/", content, {})
        try:
            return token_of(await self._dispatcher.fetch_json(request, exchange))
        except (ApiError, StreamConnectionError) as error:
            raise TokenError(
                f"fal gave no token: {error.message}", request_id=error.request_id
            ) from error
        except StreamDecodeError:
            pass
        # Not shown: it may hold a token.
        raise TokenError("fal gave no token: the answer is not JSON")
