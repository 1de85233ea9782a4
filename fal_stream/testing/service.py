"""Serve all connections: accept, read requests, play replies, stop.

Promises: when `run` returns, no connection, task or socket is left. Not here: the thread that it
runs in (`thread`), the replies (`request_handler`), and sending them (`player`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Future

from fal_stream.testing.connection import ClientGone, Connection
from fal_stream.testing.player import Player
from fal_stream.testing.reply import Failure, Reply
from fal_stream.testing.request import BadRequest, RecordedRequest, read_request

__all__ = ["BACKLOG", "Service"]

BACKLOG = 2048
# How many connections are accepted at once; meanwhile, the other connections wait.
_ACCEPTED_AT_ONCE = 8
_ACCEPT_TURNS = 1000


class Service:
    """A server in a running event loop.

    Args:
        answer: Returns the reply to a request.
        ssl_context: The TLS context, or None for plain HTTP.
        on_request: Is called with each request before it is answered.
        on_error: Is called with an exception of a script.
    """

    def __init__(
        self,
        answer: Callable[[RecordedRequest], Reply],
        ssl_context: ssl.SSLContext | None,
        on_request: Callable[[RecordedRequest], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._answer = answer
        self._ssl_context = ssl_context
        self._on_request = on_request
        self._on_error = on_error
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, listener: socket.socket, started: Future[Callable[[], object]]) -> None:
        """Serve until the server is stopped.

        Args:
            listener: The socket to accept connections from; it is closed at the end.
            started: Its result is set to the function that stops the server, from any thread.
        """
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        try:
            server = await loop.create_server(
                self._accept, sock=listener, backlog=_ACCEPTED_AT_ONCE
            )
            # asyncio uses `backlog` for both numbers: the length of the queue, and how many
            # connections are accepted at once.
            listener.listen(BACKLOG)
        except BaseException as error:
            listener.close()
            started.set_exception(error)
            return
        started.set_result(lambda: loop.call_soon_threadsafe(stop.set))
        await stop.wait()
        await self._close_listener(server)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)

    async def _close_listener(self, server: asyncio.Server) -> None:
        # asyncio loses a socket that was accepted but has no transport yet when its server is
        # closed, so its accepting tasks have to end first. There is a limit, because new clients
        # may connect all the time.
        for _ in range(_ACCEPT_TURNS):
            if asyncio.all_tasks() <= {asyncio.current_task(), *self._tasks}:
                break
            await asyncio.sleep(0)
        server.close()

    def _accept(self) -> Connection:
        return Connection(self._open, self._connections.discard)

    def _open(self, connection: Connection) -> None:
        self._connections.add(connection)
        task = asyncio.get_running_loop().create_task(self._talk(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, connection: Connection) -> None:
        try:
            await connection.open(self._ssl_context)
            while await self._exchange(connection):
                pass
            connection.close()
        except (ClientGone, OSError):
            connection.abort()
        except Exception as error:
            self._on_error(error)
            connection.abort()

    async def _exchange(self, connection: Connection) -> bool:
        async def send_continue() -> None:
            await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

        try:
            request = await read_request(connection.reader, send_continue, connection.peer)
        except BadRequest as error:
            request = RecordedRequest("GET", "*", "*", {}, {"connection": "close"}, b"")
            return await Player(
                connection, request, Failure(error.status, str(error)).reply()
            ).play()
        if request is None:
            return False
        self._on_request(request)
        try:
            reply = self._answer(request)
            reusable = await Player(connection, request, reply).play()
            request.finished.set()
            return reusable
        except ClientGone:
            raise
        except Exception as error:
            self._on_error(error)
            connection.cut(reset=False)
            return False
        finally:
            if connection.client_gone and not request.finished.is_set():
                request.gone.set()
