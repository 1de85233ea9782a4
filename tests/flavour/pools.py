"""A look into the connection pools of an asyncio client."""

from __future__ import annotations

from fal_stream import AsyncStreamingClient
from fal_stream._async.pool import AsyncPoolTransport


def at_work(client: AsyncStreamingClient) -> list[str]:
    """Name the connections and requests that are under way in the running loop.

    A connection that was left behind half closed would stand here for ever.
    """
    transport = client._transport._clients.get()._transport
    assert isinstance(transport, AsyncPoolTransport)
    found: list[str] = []
    for pool in transport._pools.values():
        found += [repr(connection) for connection in pool.connections if not connection.is_idle()]
        found += [repr(request) for request in pool._requests]
    return found
