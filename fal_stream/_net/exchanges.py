"""Makes exchanges, both flavours side by side."""

from __future__ import annotations

from .._shared.watchdog import Watchdog
from .async_exchange import AsyncExchange
from .running import running_loop
from .sync_exchange import Exchange


def async_new_exchange(watchdog: Watchdog) -> AsyncExchange:
    """Make an exchange of the event loop that runs here.

    Args:
        watchdog: Asked before every wait.
    """
    return running_loop().exchange(watchdog)


def new_exchange(watchdog: Watchdog) -> Exchange:
    """Make an exchange.

    Args:
        watchdog: Asked before every wait.
    """
    return Exchange(watchdog)
