"""The connections of a pool: each belongs to one request at a time, and is kept for others.

Promises: nobody else looks at a connection that a request has, so none is taken for one that its
server has closed. It is closed when a request on it fails, in whatever step: the HTTP library
forgets some of those that fail while they are made, as in a TLS handshake in a tunnel. Taking one
and giving it back cost the same however many there are.

There is no limit on those in use: a wait for a free one could not be aborted.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import httpcore

from .._net.runtime import Lock
from .._net.tasks import async_catch_up

_Place: TypeAlias = tuple[bytes, bytes, int]


class AsyncPoolConnection:
    """A connection of the HTTP library's.

    Args:
        connection: The connection.
        place: Where it goes to.

    Attributes:
        place: Where it goes to.
        keep_until: Until when it is kept where it is idle.
    """

    def __init__(self, connection: httpcore.AsyncConnectionInterface, place: _Place) -> None:
        self._connection = connection
        self._is_closed = False
        self.place = place
        self.keep_until = 0.0

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request."""
        return await self._connection.handle_async_request(request)

    async def aclose(self) -> None:
        """Close it for good."""
        self._is_closed = True
        await self._connection.aclose()

    def is_available(self) -> bool:
        """Tell whether its last request has ended well, so that it can take another."""
        return not self._is_closed and self._connection.is_available()

    def has_expired(self) -> bool:
        """Tell whether it has been idle for too long, or its server has closed it."""
        return self._connection.has_expired()

    def is_closed(self) -> bool:
        """Tell whether it is closed."""
        return self._is_closed or self._connection.is_closed()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self._connection.info()}]>"


class AsyncConnections:
    """The connections of a pool, those in use and those that are idle.

    Args:
        make: Makes a connection to an origin.
        max_idle: How many idle ones are kept.
        keep_seconds: For how long.
    """

    def __init__(
        self,
        make: Callable[[httpcore.Origin], httpcore.AsyncConnectionInterface],
        max_idle: int,
        keep_seconds: float,
    ) -> None:
        self._make = make
        self._max_idle = max_idle
        self._keep_seconds = keep_seconds
        # Threads of a blocking client take and give at the same time.
        self._lock = Lock()
        # Held weakly: where a Ctrl-C comes between two steps, nothing may be left of the request.
        self._all: weakref.WeakSet[AsyncPoolConnection] = weakref.WeakSet()
        # The one that has been idle for longest comes first, here and in each line. A line may
        # name some that are not idle: of the two only this one counts, for a Ctrl-C may come
        # between the steps on them.
        self._idle: dict[AsyncPoolConnection, None] = {}
        self._lines: dict[_Place, deque[AsyncPoolConnection]] = {}

    @property
    def connections(self) -> list[AsyncPoolConnection]:
        """Those in use and those that are idle."""
        with self._lock:
            return list(self._all)

    async def take(self, origin: httpcore.Origin) -> AsyncPoolConnection:
        """Give a connection to an origin, an idle one where there is one that still works."""
        place = (origin.scheme, origin.host, origin.port)
        while True:
            with self._lock:
                over = self._outdated()
                idle = self._latest(place)
                connection = idle or AsyncPoolConnection(self._make(origin), place)
                if idle is None:
                    self._all.add(connection)
            try:
                await _close(over)
                if idle is None:
                    return connection
                await async_catch_up()
                if not connection.has_expired():
                    return connection
            except BaseException:
                await self.drop(connection)
                raise
            await self.drop(connection)

    async def give_back(self, connection: AsyncPoolConnection) -> None:
        """Keep a connection whose request has ended; close it where it can't take another."""
        try:
            # A server that has closed it already should not wait for the next request.
            is_usable = connection.is_available() and not connection.has_expired()
        except BaseException:
            await self.drop(connection)
            raise
        if not is_usable:
            await self.drop(connection)
            return
        connection.keep_until = time.monotonic() + self._keep_seconds
        with self._lock:
            over = self._outdated()
            if connection in self._all:  # else all were closed meanwhile
                self._idle[connection] = None
                self._lines.setdefault(connection.place, deque()).append(connection)
                if len(self._idle) > self._max_idle:
                    over.append(self._oldest())
        await _close(over)

    async def drop(self, connection: AsyncPoolConnection) -> None:
        """Close a connection that can't be used any more."""
        with self._lock:
            self._all.discard(connection)
        await connection.aclose()

    async def aclose(self) -> None:
        """Close all."""
        with self._lock:
            over = list(self._all)
            self._all.clear()
            self._idle.clear()
            self._lines.clear()
        await _close(over)

    def _outdated(self) -> list[AsyncPoolConnection]:
        """Take out those that have been idle for too long."""
        over: list[AsyncPoolConnection] = []
        if self._idle:
            now = time.monotonic()
            while self._idle and next(iter(self._idle)).keep_until < now:
                over.append(self._oldest())
        return over

    def _oldest(self) -> AsyncPoolConnection:
        """Take out the one that has been idle for longest."""
        connection = next(iter(self._idle))
        del self._idle[connection]
        self._all.discard(connection)
        line = self._lines.get(connection.place)
        while line and line[0] not in self._idle:
            line.popleft()
        if not line:
            self._lines.pop(connection.place, None)
        return connection

    def _latest(self, place: _Place) -> AsyncPoolConnection | None:
        """Take out the one that became idle last: its server is the least likely to have gone."""
        line = self._lines.get(place)
        while line:
            connection = line.pop()
            if not line:
                self._lines.pop(place, None)
            if connection in self._idle:
                del self._idle[connection]
                return connection
        return None


async def _close(connections: list[AsyncPoolConnection]) -> None:
    for connection in connections:
        await connection.aclose()
