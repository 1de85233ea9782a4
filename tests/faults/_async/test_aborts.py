"""Row 28: aborts by finalizers, of a stream that others read or that reads itself."""

from __future__ import annotations

import gc
from typing import Any

from fal_stream import AsyncFalStream, AsyncStreamingClient
from fal_stream.testing import Hang, LocalFal, Pause
from tests._async.read_stream import read
from tests._async.test_abort import end_of
from tests.concurrency import AsyncJob, async_until

from .fault_checks import check_unharmed


class Finalizer:
    """Aborts a stream when it is collected."""

    def __init__(self, stream: AsyncFalStream[Any]) -> None:
        self._stream = stream
        self._itself = self

    def __del__(self) -> None:
        self._stream.abort("collected")


async def test_from_a_finalizer(either_fal: LocalFal, client: AsyncStreamingClient) -> None:
    either_fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    job = AsyncJob(end_of, stream)
    await async_until(lambda: stream.current_data == 1)
    Finalizer(stream)
    gc.collect()
    assert (await job.result())[0] == ([1], None)
    assert stream.signal.reason == "collected"
    await async_until(either_fal.requests[0].gone.is_set)
    await check_unharmed(either_fal, client)


async def test_from_a_finalizer_of_its_own_reader(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    """The collector runs in whatever call makes an object: in the middle of the stream's own."""
    either_fal.add("acme/app", [step for number in range(200) for step in (number, Pause(0.0005))])
    for _ in range(5):
        stream = client.stream("acme/app")
        got: list[Any] = []

        def collect(chunk: Any, stream: AsyncFalStream[Any] = stream, got: list[Any] = got) -> None:
            got.append(chunk)
            if chunk == 20:
                Finalizer(stream)
                gc.collect()

        chunks, error = await read(stream.on("data", collect))
        assert error is None
        # What had come in the same read was heard, and is not given any more.
        assert chunks == list(range(len(chunks)))
        assert len(chunks) <= 20
        assert got == list(range(len(got)))
        assert 21 <= len(got) < 200
        assert stream.signal.reason == "collected"
    for request in either_fal.requests:
        await async_until(request.gone.is_set)
    await check_unharmed(either_fal, client)
