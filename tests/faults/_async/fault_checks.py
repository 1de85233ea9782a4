"""Check what a fault does to a stream, and that the client goes on."""

from __future__ import annotations

import re
from typing import Any

from fal_stream import AsyncStreamingClient, FalStreamError, StreamInterrupted
from fal_stream.testing import LocalFal
from tests._async.read_stream import Outcome, read
from tests.concurrency import async_until
from tests.faults.fault import Fault


async def check_fault(
    fal: LocalFal, client: AsyncStreamingClient, fault: Fault, **options: Any
) -> FalStreamError | None:
    """Read a stream of a fault, see that it ends as it has to, and that the client goes on.

    Returns:
        The error that ended it.
    """
    fal.add("acme/app", fault.script)
    before = len(fal.requests)
    stream = client.stream("acme/app", **options)
    chunks, error = await read(stream)
    assert (chunks, type(error)) == (list(fault.chunks), fault.error or type(None)), error
    assert stream.closed
    if error is not None:
        assert re.search(fault.says, str(error)), error
        assert error.endpoint_id == "acme/app"
        assert (error.__cause__, error.__context__) == (None, None)
        assert await read(stream) == Outcome([], error)
    if isinstance(error, StreamInterrupted):
        assert error.chunks_received == len(chunks)
        assert error.request_id == fal.requests[-1].request_id
    assert len(fal.requests) == before + 1
    await check_unharmed(fal, client)
    return error


async def check_unharmed(fal: LocalFal, client: AsyncStreamingClient) -> None:
    """See that a client still streams."""
    fal.add("acme/fine", [1, {"fine": True}])
    assert await read(client.stream("acme/fine")) == Outcome([1, {"fine": True}], None)


async def have_ended(fal: LocalFal) -> None:
    """Wait until the server has done with all requests."""

    def are_over() -> bool:
        return all(one.gone.is_set() or one.finished.is_set() for one in fal.requests)

    await async_until(are_over)
