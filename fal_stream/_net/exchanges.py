"""Makes exchanges, both flavours side by side."""

from __future__ import annotations

from .._shared.watchdog import Watchdog
from .async_exchange import AsyncExchange
from .cells import async_begun_in_cell, begun_in_cell
from .running import running_loop
from .sync_exchange import Exchange


def async_new_exchange(watchdog: Watchdog) -> AsyncExchange:
    """Make an exchange of the event loop that runs here.

    Args:
        watchdog: Asked before every wait.
    """
    return async_begun_in_cell(running_loop().exchange(watchdog))


def new_exchange(watchdog: Watchdog) -> Exchange:
    """Make an exchange.

    Args:
        watchdog: Asked before every wait.
    """
    return begun_in_cell(Exchange(watchdog))
