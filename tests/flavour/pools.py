"""A look into the connections of a client, of either flavour."""

from __future__ import annotations

from typing import Any, TypeAlias

from fal_stream import AsyncStreamingClient, StreamingClient
from fal_stream._async.http.pool import AsyncConnectionPool
from fal_stream._sync.http.pool import ConnectionPool

Pools: TypeAlias = list[AsyncConnectionPool | ConnectionPool]


def pools_of(client: AsyncStreamingClient | StreamingClient) -> Pools:
    """Give the pools of a client and of its storage; with asyncio those of the running loop."""
    senders: list[Any] = [client._sender, client.storage._sender]
    return [transport.pool for sender in senders for transport in sender._transports]


def at_work(client: AsyncStreamingClient | StreamingClient) -> list[str]:
    """Name the connections that are under way.

    A connection that was left behind half closed would stand here for ever.
    """
    return [repr(connection) for pool in pools_of(client) for connection in pool.in_use]
