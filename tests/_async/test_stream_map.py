"""Many inputs for one app: each is done once, and nothing is left behind."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from fal_stream import (
    AbortController,
    ApiError,
    AsyncFalStream,
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    MapItem,
    StreamInterrupted,
)
from fal_stream.testing import Failure, Hang, LocalFal, Pause, RecordedRequest
from tests.concurrency import AsyncJob, async_sleep, async_until
from tests.sockets import open_files


def echo(request: RecordedRequest) -> list[Any]:
    return [{"step": 1}, {"answer": request.json()["n"]}]


def uneven(request: RecordedRequest) -> list[Any]:
    """The first of four takes longest."""
    return [Pause(0.02 * (3 - request.json()["n"] % 4)), {"answer": request.json()["n"]}]


def reached(fal: LocalFal, count: int) -> bool:
    return len(fal.requests) == count


async def read_all(things: Any) -> list[Any]:
    return [thing async for thing in things]


def numbers(count: int | None = None) -> Iterator[dict[str, int]]:
    for n in itertools.count() if count is None else range(count):
        yield {"n": n}


def asked(fal: LocalFal) -> list[int]:
    return [request.json()["n"] for request in fal.requests]


@pytest.mark.parametrize("concurrency", [1, 3, 100])
async def test_each_input_is_done_once(
    fal: LocalFal, client: AsyncStreamingClient, concurrency: int
) -> None:
    fal.add("acme/app", echo)
    given = [
        item async for item in client.stream_map("acme/app", numbers(40), concurrency=concurrency)
    ]
    assert sorted(item.index for item in given) == list(range(40))
    for item in given:
        assert item == MapItem(item.index, {"n": item.index}, {"answer": item.index})
    assert sorted(asked(fal)) == list(range(40))


async def test_results_come_as_they_are_ready_or_in_order(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", uneven)
    fal.add("acme/wait", lambda request: [Pause(5 if request.json()["n"] == 0 else 0), "over"])
    async with client.stream_map("acme/wait", numbers(3), concurrency=2) as results:
        assert (await results.__anext__()).index == 1
    given = [
        item.index
        async for item in client.stream_map("acme/app", numbers(20), concurrency=4, ordered=True)
    ]
    assert given == list(range(20))


@pytest.mark.parametrize("ordered", [False, True])
async def test_an_error_belongs_to_its_input(
    fal: LocalFal, client: AsyncStreamingClient, ordered: bool
) -> None:
    def sometimes(request: RecordedRequest) -> Any:
        return Failure(500) if request.json()["n"] % 3 == 0 else echo(request)

    fal.add("acme/app", sometimes)
    inputs = [*numbers(6), {"n": object()}]
    given = [item async for item in client.stream_map("acme/app", inputs, ordered=ordered)]
    given.sort(key=lambda item: item.index)
    assert [type(item.error) for item in given] == [
        ApiError, type(None), type(None), ApiError, type(None), type(None), ConfigError,
    ]  # fmt: skip
    assert given[1].get() == {"answer": 1}
    assert given[0].result is None
    with pytest.raises(ApiError):
        given[0].get()


async def test_few_run_at_once_and_inputs_are_not_read_ahead(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", echo)
    read: list[int] = []

    def endless() -> Iterator[dict[str, int]]:
        for input in numbers():
            read.append(input["n"])
            yield input

    async with client.stream_map("acme/app", endless(), concurrency=3) as results:
        for taken in range(1, 12):
            await results.__anext__()
            await async_sleep(0.02)
            assert len(read) <= taken + 6
            assert sorted(read) == list(range(len(read)))
            assert len(results.unfinished) == len(read) - taken


async def test_what_an_unordered_map_holds_back_is_bounded(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", lambda request: [Pause(0.3 if request.json()["n"] == 0 else 0), 1])
    async with client.stream_map("acme/app", numbers(), concurrency=4, ordered=True) as results:
        assert (await results.__anext__()).index == 0
        assert len(fal.requests) <= 9


async def test_a_function_reads_each_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", echo)

    async def count(stream: AsyncFalStream[Any]) -> int:
        chunks = await read_all(stream)
        if chunks[1] == {"answer": 2}:
            raise KeyError(2)
        return len(chunks)

    given = {
        item.index: item async for item in client.stream_map("acme/app", numbers(4), read=count)
    }
    assert [given[n].result for n in range(4)] == [2, 2, None, 2]
    assert isinstance(given[2].error, KeyError)


async def test_leaving_the_block_ends_what_runs(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", lambda request: [1, Hang()] if request.json()["n"] else [1])
    async with client.stream_map("acme/app", numbers(), concurrency=5) as results:
        async for item in results:
            assert item.index == 0
            break
        await async_until(lambda: len(fal.requests) == 6)
    for request in fal.requests:
        assert request.json()["n"] == 0 or request.gone.wait(10)
    assert sorted(results.unfinished) == [1, 2, 3, 4, 5]
    assert results.signal.reason == "the stream map was closed"
    assert [item async for item in results] == []


async def test_a_map_that_is_dropped_ends_what_runs(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", lambda request: [1, Hang()] if request.json()["n"] else [1])

    async def drop() -> None:
        async for item in client.stream_map("acme/app", numbers(), concurrency=5):
            assert item.index == 0
            await async_until(lambda: len(fal.requests) == 6)
            break

    with pytest.warns(ResourceWarning, match="dropped while it ran"):
        await drop()
    for request in fal.requests:
        if request.json()["n"]:
            await async_until(request.gone.is_set)


async def test_a_map_that_was_never_asked_sends_nothing(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", echo)
    client.stream_map("acme/app", numbers())
    async with client.stream_map("acme/app", numbers()):
        pass
    assert fal.requests == []


@pytest.mark.parametrize("by", ["map", "signal"])
async def test_an_abort_ends_the_iteration(
    fal: LocalFal, client: AsyncStreamingClient, by: str
) -> None:
    fal.add("acme/app", [1, Hang()])
    controller = AbortController()
    results = client.stream_map("acme/app", numbers(), concurrency=3, signal=controller.signal)
    job = AsyncJob(read_all, results)
    await async_until(lambda: len(fal.requests) == 3)
    (controller if by == "signal" else results).abort("enough")
    assert await job.result() == []
    assert results.signal.reason == "enough"
    assert sorted(results.unfinished) == [0, 1, 2]
    for request in fal.requests:
        assert request.gone.wait(10)


async def test_results_that_had_come_outlast_an_abort(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", lambda request: [1, Hang()] if request.json()["n"] % 2 else [1])
    results = client.stream_map("acme/app", numbers(), concurrency=3)
    first = (await results.__anext__()).index
    # Three run at once, so three that hang are there only when the three others are done.
    await async_until(lambda: len(fal.requests) == 6)
    results.abort()
    given = [item.index async for item in results]
    assert len(given) == 2
    assert all(index % 2 == 0 for index in given)
    assert not set(given) & set(results.unfinished)
    assert {first, *given, *results.unfinished} == set(asked(fal))


async def test_inputs_that_fail_end_the_map_after_what_was_begun(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", uneven)

    def broken() -> Iterator[dict[str, int]]:
        yield from numbers(3)
        raise LookupError("the file is damaged")

    given: list[int] = []
    results = client.stream_map("acme/app", broken())
    with pytest.raises(LookupError, match="damaged"):
        async for item in results:
            given.append(item.index)  # noqa: PERF401 - what came before the error counts
    assert sorted(given) == [0, 1, 2]
    with pytest.raises(LookupError, match="damaged"):
        await results.__anext__()


async def test_a_closed_client_gives_errors_not_partial_results(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    client = AsyncStreamingClient(**fal.settings)
    job = AsyncJob(read_all, client.stream_map("acme/app", numbers(3), concurrency=2))
    await async_until(lambda: len(fal.requests) == 2)
    await client.aclose()
    given = {item.index: item for item in await job.result()}
    assert sorted(given) == [0, 1, 2]
    for item in given.values():
        # The second kind where it had no answer yet.
        assert isinstance(item.error, (StreamInterrupted, ConfigError))
        assert item.result is None
    assert isinstance(given[2].error, ConfigError)


async def test_what_was_read_of_an_aborted_stream_is_no_result(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2, Hang()])

    async def abort_it(stream: AsyncFalStream[Any]) -> Any:
        given = []
        async for chunk in stream:
            given.append(chunk)
            stream.abort("enough")
        return given

    async def leave_it(stream: AsyncFalStream[Any]) -> Any:
        async for chunk in stream:
            return chunk
        return None

    given = [item async for item in client.stream_map("acme/app", numbers(1), read=abort_it)]
    error = given[0].error
    assert isinstance(error, StreamInterrupted)
    assert "aborted after" in str(error)
    assert "enough" in str(error)
    assert error.endpoint_id == "acme/app"
    given = [item async for item in client.stream_map("acme/app", numbers(1), read=leave_it)]
    assert [item.get() for item in given] == [1]


async def test_two_consumers_get_each_result_once(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", echo)
    results = client.stream_map("acme/app", numbers(60))
    jobs = [AsyncJob(read_all, results) for _ in range(2)]
    given = [item.index for job in jobs for item in await job.result()]
    assert sorted(given) == list(range(60))


async def test_no_connection_is_left(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    before = open_files()
    async with AsyncStreamingClient(**fal.settings) as client:
        for _ in range(5):
            goal = len(fal.requests) + 4
            results = client.stream_map("acme/app", numbers(), concurrency=4)
            job = AsyncJob(read_all, results)
            await async_until(partial(reached, fal, goal))
            results.abort()
            await job.result()
    await async_until(lambda: open_files() <= before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurrency": 0}, "concurrency=0"),
        ({"concurrency": True}, "concurrency=True"),
        ({"ordered": 1}, "ordered=1"),
        ({"input": {}}, "of each stream into inputs"),
        ({"time_out": 3}, "time_out"),
        ({"concurency": 3}, "did you mean 'concurrency'"),
        ({"run_url": "x"}, "belongs to the settings of the client"),
        ({"inputs": {"prompt": "a fox"}}, "must be several inputs"),
        ({"inputs": "a fox"}, "must be several inputs"),
        ({"inputs": 7}, "inputs=7"),
    ],
)
async def test_arguments_that_are_wrong(
    client: AsyncStreamingClient, options: dict[str, Any], words: str
) -> None:
    arguments: dict[str, Any] = {"inputs": [], **options}
    with pytest.raises(ConfigError, match=words):
        client.stream_map("acme/app", **arguments)


async def slowly(count: int) -> AsyncIterator[dict[str, int]]:
    for input in numbers(count):
        await async_sleep(0.001)
        yield input


async def test_inputs_may_come_slowly(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", echo)
    given = [item async for item in client.stream_map("acme/app", slowly(10), ordered=True)]
    assert [item.index for item in given] == list(range(10))


@pytest.mark.parametrize("ask", ["close", "next", "iterate", "block"])
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_inputs_that_ask_their_own_map(
    fal: LocalFal, client: AsyncStreamingClient, ask: str, concurrency: int
) -> None:
    fal.add("acme/app", echo)

    async def inputs() -> AsyncIterator[dict[str, int]]:
        yield {"n": 0}
        await ask_map(results, ask)
        yield {"n": 1}

    results = client.stream_map("acme/app", inputs(), concurrency=concurrency)
    assert (await results.__anext__()).get() == {"answer": 0}
    with pytest.raises(FalStreamError, match="would wait for itself"):
        await results.__anext__()
    assert asked(fal) == [0]


@pytest.mark.parametrize("ask", ["close", "next", "iterate", "block"])
async def test_a_function_that_asks_its_own_map(
    fal: LocalFal, client: AsyncStreamingClient, ask: str
) -> None:
    fal.add("acme/app", echo)

    async def read_one(stream: AsyncFalStream[Any]) -> Any:
        last = await stream.done()
        if last == {"answer": 1}:
            await ask_map(results, ask)
        return last

    results = client.stream_map("acme/app", numbers(3), read=read_one, ordered=True)
    items = await read_all(results)
    assert [item.error is None for item in items] == [True, False, True]
    with pytest.raises(FalStreamError, match="would wait for itself"):
        items[1].get()


async def ask_map(results: Any, ask: str) -> None:
    if ask == "close":
        await results.aclose()
    elif ask == "next":
        await results.__anext__()
    elif ask == "iterate":
        await read_all(results)
    else:
        async with results:
            pass


async def test_what_the_library_calls_may_not_ask_its_own_map_either(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", echo)

    async def provide(path: str) -> str:
        await ask_map(results, "close")
        return "a token"

    results = client.stream_map(
        "acme/app", numbers(1), connection_mode="client", token_provider=provide
    )
    with pytest.raises(FalStreamError, match="would wait for itself"):
        (await results.__anext__()).get()


async def test_inputs_and_functions_may_abort_their_own_map(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", echo)

    async def read_one(stream: AsyncFalStream[Any]) -> Any:
        last = await stream.done()
        results.abort("found")
        return last

    results = client.stream_map("acme/app", numbers(), read=read_one, concurrency=1)
    assert [item.get() for item in await read_all(results)] == [{"answer": 0}]
    assert results.signal.reason == "found"


async def test_a_function_may_ask_another_map(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", echo)

    async def read_one(stream: AsyncFalStream[Any]) -> Any:
        await stream.done()
        inner = client.stream_map("acme/app", numbers(3), ordered=True)
        return [item.get()["answer"] for item in await read_all(inner)]

    outer = client.stream_map("acme/app", numbers(2), read=read_one)
    assert [item.get() for item in await read_all(outer)] == [[0, 1, 2]] * 2


@pytest.mark.parametrize("made", [pickle.dumps, copy.copy, copy.deepcopy])
async def test_a_map_is_not_copied(
    fal: LocalFal, client: AsyncStreamingClient, made: Callable[[Any], Any]
) -> None:
    fal.add("acme/app", echo)
    results = client.stream_map("acme/app", numbers(3), ordered=True)
    assert (await results.__anext__()).index == 0
    with pytest.raises(ConfigError, match="map can't be copied or pickled"):
        made(results)
    assert [item.index for item in await read_all(results)] == [1, 2]
