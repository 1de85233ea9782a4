from __future__ import annotations

import asyncio
import contextlib
import socket

from fal_stream.testing.connection import Connection

LOAD = bytes(30_000_000)


async def read_all(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while await loop.sock_recv(client, 1024 * 1024):
        pass


async def test_a_connection_that_has_closed_itself_can_be_aborted() -> None:
    opened: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
    closed = asyncio.Event()

    def accept() -> Connection:
        return Connection(opened.set_result, lambda _: closed.set())

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    with contextlib.closing(server), socket.socket() as client:
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, server.sockets[0].getsockname())
        connection = await opened
        await connection.open(None)
        sending = asyncio.create_task(connection.send(LOAD))
        await asyncio.sleep(0.01)
        # asyncio closes the socket by itself when the rest has been sent.
        connection.close()
        await read_all(client)
        await closed.wait()
        connection.abort()
        connection.cut(reset=True)
        await asyncio.gather(sending, return_exceptions=True)
