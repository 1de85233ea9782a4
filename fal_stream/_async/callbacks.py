"""Call the user's callbacks (credentials, token providers, middleware) under the timeouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._net.async_exchange import AsyncExchange
from .._net.flavour_pairs import async_settle
from .._signal_errors import raised_by_signal_handler
from ..errors import FalStreamError


async def call_callback(
    exchange: AsyncExchange,
    error: type[FalStreamError],
    what: str,
    function: Callable[..., Any],
    *args: Any,
) -> Any:
    """Call a function of the user, and return its result.

    Args:
        exchange: Applies the timeouts and the abort.
        error: The type of the error to raise if the function raises another exception.
        what: What the function is, for the message.
        function: The function.
        *args: The arguments of the function.

    Raises:
        FalStreamError: The function raised an exception.
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
