"""A look into the connection pools of a client, of either flavour."""

from __future__ import annotations

from typing import TypeAlias

from fal_stream import AsyncStreamingClient, StreamingClient
from fal_stream._async.connection import AsyncConnections
from fal_stream._async.pool import AsyncPoolTransport
from fal_stream._sync.connection import Connections
from fal_stream._sync.pool import PoolTransport

Pools: TypeAlias = list[AsyncConnections | Connections]


def pools_of(client: AsyncStreamingClient | StreamingClient) -> Pools:
    """Give the pools of a client and of its storage; with asyncio those of the running loop."""
    pools: Pools = []
    for part in (client, client.storage):
        sender = part._transport.sender
        if sender is None:
            continue  # it has sent nothing
        transport = sender._clients.get()._transport
        assert isinstance(transport, (AsyncPoolTransport, PoolTransport))
        pools += transport.pools
    return pools


def at_work(client: AsyncStreamingClient | StreamingClient) -> list[str]:
    """Name the connections that are under way.

    A connection that was left behind half closed would stand here for ever.
    """
    found: list[str] = []
    for pool in pools_of(client):
        found += [
            repr(connection)
            for connection in pool.connections
            if not connection.is_available() and not connection.is_closed()
        ]
    return found
