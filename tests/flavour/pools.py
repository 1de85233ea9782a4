"""A look into the connection pools of a client, of either flavour."""

from __future__ import annotations

import httpcore

from fal_stream import AsyncStreamingClient, StreamingClient
from fal_stream._async.pool import AsyncPoolTransport
from fal_stream._sync.pool import PoolTransport


def pools_of(
    client: AsyncStreamingClient | StreamingClient,
) -> list[httpcore.AsyncConnectionPool | httpcore.ConnectionPool]:
    """Give the pools of a client and of its storage; with asyncio those of the running loop."""
    pools: list[httpcore.AsyncConnectionPool | httpcore.ConnectionPool] = []
    for part in (client, client.storage):
        sender = part._transport.sender
        if sender is None:
            continue  # it has sent nothing
        transport = sender._clients.get()._transport
        assert isinstance(transport, (AsyncPoolTransport, PoolTransport))
        pools += transport._pools.values()
    return pools


def at_work(client: AsyncStreamingClient | StreamingClient) -> list[str]:
    """Name the connections and requests that are under way.

    A connection that was left behind half closed would stand here for ever.
    """
    found: list[str] = []
    for pool in pools_of(client):
        found += [
            repr(connection)
            for connection in pool.connections
            if not connection.is_available() and not connection.is_closed()
        ]
        found += [repr(request) for request in pool._requests]
    return found
