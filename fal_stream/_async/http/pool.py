"""The connection pool: idle connections of a transport, kept for the next request.

Promises: an acquired connection belongs to one request. Acquiring and releasing a connection take
constant time, however many there are. A connection is closed when it has been idle for too long,
even if there is no further request. All idle connections are closed when the pool is closed or
garbage-collected.

How: there is no lock, so that a signal handler or a finalizer can use the pool at any time. Each
step is a single operation on a dictionary, which the interpreter doesn't interrupt: whoever removes
a connection from `_idle` owns it. The queues by origin only say where to look first.

The number of connections in use is not limited, because a wait for a free one could not be aborted.
"""

from __future__ import annotations

import contextlib
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ..._net.threads import AsyncSharedWork
from ..._net.timers import async_call_later
from ..._net.weak_registry import WeakRegistry
from ...credentials import Secret
from .connection import AsyncConnection

MAX_IDLE_CONNECTIONS = 100


class Route(NamedTuple):
    """The origin that a connection leads to, and the proxy on the way.

    Attributes:
        scheme: `http` or `https`.
        host: The host.
        port: The port.
        proxy: The URL of the proxy, which may contain a password; None without a proxy.
    """

    scheme: str
    host: str
    port: int
    proxy: Secret | None


class _Preconnect(AsyncSharedWork):
    """A connection that is being opened in advance, and the callbacks that wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[Callable[[None], None]] = deque()


class AsyncConnectionPool:
    """The idle connections of one event loop.

    Args:
        keepalive_expiry: How long an idle connection is kept (seconds).
    """

    def __init__(self, keepalive_expiry: float) -> None:
        self._keepalive_expiry = keepalive_expiry
        # In the order in which the connections became idle.
        self._idle: dict[AsyncConnection, None] = {}
        self._all: WeakRegistry[AsyncConnection] = WeakRegistry()
        self._by_route: dict[Route, deque[AsyncConnection]] = {}
        self._preconnects: dict[Route, _Preconnect] = {}
        self._cancel_timer: Callable[[], object] | None = None
        self._is_closed = False

    @property
    def idle(self) -> list[AsyncConnection]:
        """The idle connections, the longest idle first."""
        return list(self._idle.copy())

    @property
    def in_use(self) -> list[AsyncConnection]:
        """The connections that requests are using."""
        idle = self._idle.copy()
        return [
            connection
            for connection in self._all.members
            if connection not in idle and not connection.is_closed
        ]

    def add(self, connection: AsyncConnection) -> None:
        """Register a connection that was opened for a request."""
        self._all.add(connection)

    def acquire(self, route: Route) -> AsyncConnection | None:
        """Return the idle connection for a route that became idle last, and remove it.

        Of the idle connections, that is the one that the server is least likely to have closed.

        Returns:
            A connection that now belongs to the caller, or None if there is none.
        """
        queue = self._by_route.get(route)
        while queue:
            try:
                connection = queue.pop()
            except IndexError:  # another thread took it
                break
            if self._claim(connection):
                if connection.expires_at > time.monotonic():
                    return connection
                connection.close()
        return None

    def release(self, connection: AsyncConnection) -> None:
        """Keep the connection of a request that has ended, for the next request."""
        if not self._keepalive_expiry:
            connection.close()
            return
        connection.expires_at = time.monotonic() + self._keepalive_expiry
        queue = self._by_route.get(connection.route)
        if queue is None:
            queue = self._by_route.setdefault(connection.route, deque())
        self._idle[connection] = None
        queue.append(connection)
        if self._is_closed:
            self._close_idle()
        elif len(self._idle) > MAX_IDLE_CONNECTIONS:
            self._close_expired(self._idle_first())
        elif self._cancel_timer is None:
            self._start_timer(self._keepalive_expiry)

    def _claim(self, connection: AsyncConnection) -> bool:
        return self._idle.pop(connection, connection) is None

    def _idle_first(self) -> AsyncConnection | None:
        # Another thread may change the dictionary between `iter` and `next`.
        with contextlib.suppress(RuntimeError):
            return next(iter(self._idle), None)
        return None

    def _close_expired(self, oldest: AsyncConnection | None = None) -> None:
        """Close the connections that have been idle for too long, or only `oldest`, if given."""
        now = time.monotonic()
        for connection in self._idle.copy() if oldest is None else [oldest]:
            if connection is not oldest and connection.expires_at > now:
                break
            if self._claim(connection):
                connection.close()
            queue = self._by_route.get(connection.route)
            # Claiming a connection leaves it in the queue of its route; it is removed here once it
            # is at the front.
            while queue and queue[0] not in self._idle:
                with contextlib.suppress(IndexError):
                    queue.popleft()
            if not queue:
                self._by_route.pop(connection.route, None)

    def _start_timer(self, seconds: float) -> None:
        pool = weakref.ref(self)

        def sweep() -> None:
            me = pool()
            if me is not None:
                me._sweep()

        self._cancel_timer = async_call_later(seconds, sweep)
        if self._cancel_timer is None:
            # No timer can be started, so nothing would close the connections later.
            self._close_idle()

    def _sweep(self) -> None:
        self._cancel_timer = None
        self._close_expired()
        first = self._idle_first()
        if first is not None and self._cancel_timer is None:
            self._start_timer(max(0.0, first.expires_at - time.monotonic()))

    def begin_preconnect(self, route: Route) -> None:
        """Register that a connection is being opened in advance."""
        self._preconnects.setdefault(route, _Preconnect())

    def is_preconnecting(self, route: Route) -> bool:
        """Return whether a connection is being opened in advance that the caller can wait for.

        The caller can't if another request waits for it already, or if the caller is a signal
        handler that has interrupted the code that opens it.
        """
        preconnect = self._preconnects.get(route)
        if preconnect is None or preconnect.waiting:
            return False
        return not preconnect.is_interrupted_here()

    def join_preconnect(self, route: Route, wake: Callable[[None], None]) -> None:
        """Call `wake` once the connection that is being opened is open, or has failed to open."""
        preconnect = self._preconnects.get(route)
        if preconnect is not None:
            preconnect.waiting.append(wake)
        if preconnect is None or self._preconnects.get(route) is not preconnect:
            wake(None)  # it was opened, or has failed, in the meantime

    def end_preconnect(self, route: Route) -> None:
        """Wake the waiters: the connection is idle now, or could not be opened."""
        preconnect = self._preconnects.pop(route, None)
        while preconnect is not None and preconnect.waiting:
            preconnect.waiting.popleft()(None)

    def close(self) -> None:
        """Close the idle connections, and interrupt the requests on the others."""
        self._is_closed = True
        self._close_idle()
        for connection in self.in_use:
            connection.stream.interrupt()

    def _close_idle(self) -> None:
        cancel, self._cancel_timer = self._cancel_timer, None
        if cancel is not None:
            cancel()
        for connection in self._idle.copy():
            if self._claim(connection):
                connection.close()
        self._by_route.clear()

    def __del__(self) -> None:
        for connection in getattr(self, "_idle", {}):
            connection.abandon()
