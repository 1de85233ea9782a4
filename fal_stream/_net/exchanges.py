"""Makes exchanges, both flavours side by side."""

from __future__ import annotations

from .._ipython import running_shell
from .._shared.watchdog import Watchdog
from .async_exchange import AsyncExchange
from .running import running_loop
from .sync_exchange import Exchange


def async_new_exchange(watchdog: Watchdog) -> AsyncExchange:
    """Make an exchange of the event loop that runs here.

    Args:
        watchdog: Asked before every wait.
    """
    exchange = running_loop().exchange(watchdog)
    if running_shell() is not None:
        from .cells import async_begun_in_cell

        async_begun_in_cell(exchange)
    return exchange


def new_exchange(watchdog: Watchdog) -> Exchange:
    """Make an exchange.

    Args:
        watchdog: Asked before every wait.
    """
    exchange = Exchange(watchdog)
    if running_shell() is not None:
        from .cells import begun_in_cell

        begun_in_cell(exchange)
    return exchange
