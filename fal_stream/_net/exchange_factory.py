"""Make exchanges for the running event loop or thread, both flavours side by side."""

from __future__ import annotations

from .._ipython import running_shell
from .._shared.watchdog import Watchdog
from .async_exchange import AsyncExchange
from .loops import running_loop
from .sync_exchange import Exchange


def async_new_exchange(watchdog: Watchdog) -> AsyncExchange:
    """Make an exchange of the event loop that runs here.

    Args:
        watchdog: Asked before every wait.
    """
    exchange = running_loop().exchange(watchdog)
    if running_shell() is not None:
        from .notebook_interrupts import async_track_in_cell

        async_track_in_cell(exchange)
    return exchange


def new_exchange(watchdog: Watchdog) -> Exchange:
    """Make an exchange.

    Args:
        watchdog: Asked before every wait.
    """
    exchange = Exchange(watchdog)
    if running_shell() is not None:
        from .notebook_interrupts import track_in_cell

        track_in_cell(exchange)
    return exchange
