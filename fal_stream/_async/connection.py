"""A connection of a pool: closed when a request on it fails, in whatever step, and only then.

The HTTP library closes what fails on a connection that stands. It forgets some of those that fail
while they are made: a TLS handshake in a tunnel, a talk with a SOCKS proxy that is interrupted.
They would stay in the pool for good, as busy ones.

And it closes an idle connection that has something to read, which it finds out in two steps: a
thread that has been given the connection may begin to use it between them, and the answer would
be taken for what a server says that closes it. So nobody begins while it is being looked at, and
what was found to have expired is not begun with.

Where there are too many idle ones, it counts all of them for each, and closes one that it may have
just given to a thread. So it is told of none, and a connection that is one too many expires here.
"""

from __future__ import annotations

import httpcore

from .._net.runtime import Lock


class IdleCount:
    """How many connections of a pool were idle when it last looked at them.

    Args:
        limit: How many it keeps.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0


class AsyncPoolConnection(httpcore.AsyncConnectionInterface):
    """A connection of the HTTP library's, which is closed when a request on it fails.

    Args:
        connection: The connection.
        idle: Counts the idle ones of its pool, which looks at one after the other.
    """

    def __init__(self, connection: httpcore.AsyncConnectionInterface, idle: IdleCount) -> None:
        self._connection = connection
        self._idle = idle
        self._counted = False
        self._failed = False
        self._lock = Lock()
        self._beginning = 0
        self._expired = False

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request; the connection is closed if that raises."""
        with self._lock:
            if self._expired:
                raise httpcore.ConnectionNotAvailable
            self._beginning += 1
        try:
            return await self._connection.handle_async_request(request)
        except httpcore.ConnectionNotAvailable:
            raise  # it serves another request
        except BaseException:
            self._failed = True
            await self._connection.aclose()
            raise
        finally:
            with self._lock:
                self._beginning -= 1

    async def aclose(self) -> None:
        """Close it."""
        await self._connection.aclose()

    def info(self) -> str:
        """Say what state it is in."""
        return self._connection.info()

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """Tell whether it goes to a host."""
        return self._connection.can_handle_request(origin)

    def is_available(self) -> bool:
        """Tell whether it can take a request."""
        return not self._failed and self._connection.is_available()

    def has_expired(self) -> bool:
        """Tell whether it has been idle for too long, is one too many, or the server closed it."""
        with self._lock:
            if not self._beginning:
                self._count(self._connection.is_idle())
                too_many = self._counted and self._idle.count > self._idle.limit
                self._expired = self._expired or too_many or self._connection.has_expired()
            is_over = self._failed or self._expired
            if is_over:
                self._count(False)
            return is_over

    def is_idle(self) -> bool:
        """Say no, as the pool asks only in order to close what is one too many."""
        return False

    def is_closed(self) -> bool:
        """Tell whether it is closed."""
        is_closed = self._failed or self._connection.is_closed()
        if is_closed:
            self._count(False)
        return is_closed

    def _count(self, is_idle: bool) -> None:
        self._idle.count += is_idle - self._counted
        self._counted = is_idle

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.info()}]>"
