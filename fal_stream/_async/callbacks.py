"""Call the user's callbacks (credentials, token providers, middleware) under the timeouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._net.async_exchange import AsyncExchange
from .._net.compat import async_settle
from .._signal_errors import raised_by_signal_handler
from ..errors import FalStreamError


async def call_callback(
    exchange: AsyncExchange,
    error: type[FalStreamError],
    what: str,
    function: Callable[..., Any],
    *args: Any,
) -> Any:
    """Call a function of the user's.

    Args:
        exchange: Carries the limits and the abort.
        error: The error to raise where the function raises one that is not ours.
        what: What the function is, for the message.
        function: The function.
        *args: Its arguments.

    Returns:
        What it returns.

    Raises:
        FalStreamError: It raised.
        Aborted: The exchange was aborted.
        Expired: A limit of the watchdog has run out.
    """
    return await exchange.call(_guard, error, what, function, *args)


async def _guard(
    error: type[FalStreamError], what: str, function: Callable[..., Any], *args: Any
) -> Any:
    try:
        return await async_settle(what, function(*args))
    except FalStreamError:
        raise
    except Exception as cause:
        if raised_by_signal_handler(cause) is not None:
            raise
        raise error(f"{what} raised {type(cause).__name__}, which is the cause of this") from cause
