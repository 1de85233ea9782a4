"""What only one of the two flavours has: `await`, and the refusal of coroutine functions."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pickle
from collections.abc import AsyncIterable, Callable, Coroutine
from typing import Any

import anyio
import pytest
import trio
from starlette.responses import StreamingResponse

from fal_stream import (
    ApiError,
    AsyncStorageClient,
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    StreamingClient,
    StreamInterrupted,
    StreamTimeout,
    find_files_async,
)
from fal_stream._net.flavour_hints import WrongFlavour
from fal_stream._net.result_hints import NotAwaited
from fal_stream.testing import Failure, Hang, LocalFal, Pause


async def test_await_starts_a_stream(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = await client.stream("acme/app")
        assert stream.request_id == fal.requests[0].request_id
        assert await stream is stream
        assert [chunk async for chunk in stream] == [1, 2]
    assert len(fal.requests) == 1


def test_the_wrong_flavour_says_what_to_write() -> None:
    client: Any = AsyncStreamingClient(credentials="a:b")
    for thing, name in (
        (client.stream("acme/app"), "AsyncFalStream"),
        (client.stream_map("acme/app", []), "AsyncStreamMap"),
    ):
        with pytest.raises(FalStreamError) as caught:
            list(thing)
        assert str(caught.value) == (
            f"{name} is asynchronous: write `async for`, or use the blocking client "
            "(StreamingClient)"
        )
        assert isinstance(caught.value, TypeError)
    for thing in (client, client.stream("acme/app"), client.stream_map("acme/app", [])):
        with pytest.raises(FalStreamError, match="is asynchronous: write `async with`"), thing:
            pytest.fail("it was entered")


def test_for_on_what_an_asynchronous_stream_gives() -> None:
    client: Any = AsyncStreamingClient(credentials="a:b")
    stream = client.stream("acme/app")
    for thing in (stream.text(), stream.audio(), stream.files(), stream.events()):
        with pytest.raises(FalStreamError, match=r"^Async\w+ is asynchronous: write `async for`"):
            list(thing)


async def test_await_of_what_is_iterated() -> None:
    client: Any = AsyncStreamingClient(credentials="a:b")
    stream = client.stream("acme/app")
    for thing, message in (
        (stream.text(), "AsyncText is iterated, not awaited: write `async for`, or `await stream."),
        (stream.audio(), "AsyncAudio is iterated, not awaited: write `async for`, or `await str"),
        (stream.files(), "AsyncFiles is iterated, not awaited: write `async for`, or `await str"),
        (stream.events(), "AsyncEvents is iterated, not awaited: write `async for`"),
        (client.stream_map("acme/app", []), "AsyncStreamMap is iterated, not awaited: write"),
    ):
        with pytest.raises(FalStreamError) as caught:
            await thing
        assert str(caught.value).startswith(message)
        assert isinstance(caught.value, TypeError)


async def test_python_itself_refuses_what_is_blocking() -> None:
    """Frameworks would take it for asynchronous, if it had these methods to give hints."""
    stream: Any = StreamingClient(credentials="a:b").stream("acme/app")
    for thing in (stream.text(), stream.audio(), stream.files(), stream.events()):
        assert not isinstance(thing, AsyncIterable)
        assert not inspect.isawaitable(thing)
        with pytest.raises(TypeError, match="can't be used in 'await' expression"):
            await thing
        with pytest.raises(TypeError, match="'async for' requires an object with __aiter__"):
            async for _ in thing:
                pytest.fail("it was iterated")


USES: list[tuple[str, Callable[[Any], Any]]] = [
    ("start", lambda stream: list(stream.start())),
    ("done", lambda stream: stream.done()["images"]),
    ("done", lambda stream: "images" in stream.done()),
    ("show", lambda stream: stream.show()["images"]),
    ("final_text", lambda stream: len(stream.final_text())),
    ("final_text", lambda stream: stream.final_text() + "!"),
    ("final_text", lambda stream: "Text: " + stream.final_text()),
    ("save", lambda stream: [path.name for path in stream.save("out")]),
    ("save", lambda stream: stream.save("out").__enter__()),
]


@pytest.mark.parametrize(("name", "use"), USES)
def test_a_forgotten_await(name: str, use: Callable[[Any], Any]) -> None:
    # No warning of a coroutine that was never awaited comes after it.
    stream = AsyncStreamingClient(credentials="a:b").stream("acme/app")
    with pytest.raises(FalStreamError) as caught:
        use(stream)
    assert str(caught.value) == (
        f"AsyncFalStream.{name}() was not awaited: write `await` before it; where its result is "
        "used, in parentheses, as in `(await stream.done())[...]`"
    )
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("name", ["images", "get"])
def test_a_forgotten_await_before_an_attribute(name: str) -> None:
    done: Any = AsyncStreamingClient(credentials="a:b").stream("acme/app").done()
    with pytest.raises(FalStreamError, match=r"^AsyncFalStream.done\(\) was not awaited") as caught:
        getattr(done, name)
    assert isinstance(caught.value, AttributeError)
    # Whoever only asks whether it is there can await it all the same.
    assert not hasattr(done, name)
    assert inspect.getcoroutinestate(done) == inspect.CORO_CREATED
    done.close()


async def test_whoever_asks_what_runs_does_not_end_it(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Pause(0.1), 2])
    async with AsyncStreamingClient(**fal.settings) as client:
        task = asyncio.create_task(client.stream("acme/app").done())
        coroutine: Any = task.get_coro()
        while not task.done():
            assert "AsyncFalStream.done()" in repr(task)
            assert not hasattr(coroutine, "gi_code")
            assert not task.get_stack() or task.get_stack()[0].f_code.co_name == "done"
            if inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED:
                assert not hasattr(coroutine, "images")
                with pytest.raises(FalStreamError, match="was not awaited"):
                    coroutine["images"]
            await asyncio.sleep(0.01)
        assert task.result() == 2


async def test_a_forgotten_await_in_async_for() -> None:
    stream: Any = AsyncStreamingClient(credentials="a:b").stream("acme/app")
    with pytest.raises(FalStreamError, match=r"start\(\) was not awaited"):
        async for _ in stream.start():
            pytest.fail("it was iterated")
    with pytest.raises(FalStreamError, match=r"start\(\) was not awaited"):
        async with stream.start():
            pytest.fail("it was entered")


def test_a_forgotten_await_of_files_and_uploads() -> None:
    storage: Any = AsyncStorageClient(credentials="a:b")
    with pytest.raises(FalStreamError, match=r"AsyncStorageClient.upload\(\) was not awaited"):
        list(storage.upload(b"a"))
    files: Any = find_files_async({"image": {"url": "data:image/png;base64,aaaa"}})
    with pytest.raises(FalStreamError, match=r"AsyncFile.read\(\) was not awaited"):
        len(files[0].read())
    assert not hasattr(files[0].read, "no_such_name")


def test_a_result_that_is_dropped_is_warned_of_by_python() -> None:
    dropped: list[Any] = [AsyncStreamingClient(credentials="a:b").stream("acme/app").done()]
    with pytest.warns(RuntimeWarning, match=r"'AsyncFalStream.done' was never awaited"):
        dropped.clear()


async def test_what_is_awaited_is_a_coroutine(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        assert inspect.iscoroutinefunction(stream.done)
        assert str(inspect.signature(stream.show)).startswith("(*, markdown: 'bool' = False)")
        assert stream.done.__name__ == "done"
        done: Any = stream.done()
        assert inspect.iscoroutine(done)
        assert isinstance(done, Coroutine)
        assert repr(done).startswith("<coroutine object AsyncFalStream.done at ")
        assert bool(done)
        assert await done == 1
        with pytest.raises(RuntimeError, match="already awaited"):
            await done
        # anyio asks inspect, asyncio its own function.
        async with anyio.create_task_group() as group:
            group.start_soon(stream.done)
        assert await asyncio.create_task(stream.done()) == 1
        assert await asyncio.gather(stream.done(), stream.start()) == [1, stream]


async def test_a_task_of_it_is_cancelled(fal: LocalFal) -> None:
    fal.add("acme/app", [Hang()])
    async with AsyncStreamingClient(**fal.settings) as client:
        task = asyncio.create_task(client.stream("acme/app").done())
        while not fal.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert fal.requests[0].gone.wait(10)


def test_trio_takes_it(fal: LocalFal) -> None:
    fal.add("acme/app", [1])

    async def main() -> Any:
        async with AsyncStreamingClient(**fal.settings) as client:
            stream = client.stream("acme/app")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.done)
            return stream.current_data

    assert trio.run(main) == 1


async def test_the_wrong_flavour_says_so_in_a_coroutine() -> None:
    client: Any = StreamingClient(credentials="a:b")
    for thing in (client.stream("acme/app"), client.stream_map("acme/app", [])):
        with pytest.raises(FalStreamError, match="is blocking: write `for`, or use the async"):
            async for _ in thing:
                pytest.fail("it was iterated")
    for thing in (client, client.stream("acme/app"), client.stream_map("acme/app", [])):
        with pytest.raises(FalStreamError, match="is blocking: write `with`, or use the async"):
            async with thing:
                pytest.fail("it was entered")


async def test_a_framework_that_takes_a_blocking_stream_for_asynchronous(fal: LocalFal) -> None:
    fal.add("acme/app", [{"output": "a"}, {"output": "ab"}])
    with StreamingClient(**fal.settings) as client:
        wrong: Any = client.stream("acme/app")
        with pytest.raises(FalStreamError, match=r"StreamingResponse, is given stream\.text\(\)"):
            aiter(StreamingResponse(wrong).body_iterator)
        right = StreamingResponse(client.stream("acme/app").text())
        assert [piece async for piece in right.body_iterator] == ["a", "b"]


async def test_await_raises_what_keeps_a_stream_from_starting(fal: LocalFal) -> None:
    fal.add("acme/app", Failure(500))
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        for _ in range(2):
            with pytest.raises(ApiError):
                await stream
    assert len(fal.requests) == 1


async def test_plain_functions_serve_the_async_client(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    heard: list[Any] = []
    settings = {**fal.settings, "credentials": lambda: fal.key}
    async with AsyncStreamingClient(**settings) as client:
        await client.stream("acme/app").on("data", heard.append).done()
    assert heard == [1, 2]


def test_a_blocking_client_refuses_async_credentials(fal: LocalFal) -> None:
    async def credentials() -> str:
        return "a:b"

    client = StreamingClient(run_url=fal.url, credentials=credentials)
    with (
        client,
        pytest.raises(ConfigError, match=r"^The credentials function is an async function"),
    ):
        client.stream("acme/app").done()
    assert fal.requests == []


def test_a_blocking_stream_reports_an_async_listener(
    fal: LocalFal, caplog: pytest.LogCaptureFixture
) -> None:
    async def listener(_: Any) -> None:
        raise AssertionError("never called")

    def indirect(chunk: Any) -> Any:
        return listener(chunk)

    fal.add("acme/app", [1])
    with StreamingClient(**fal.settings) as client, caplog.at_level(logging.ERROR, "fal_stream"):
        stream = client.stream("acme/app")
        with pytest.raises(ConfigError, match="listener is an async function"):
            stream.on("data", listener)
        assert stream.on("data", indirect).done() == 1
    assert "indirect is an async function" in caplog.text


def test_both_flavours_have_the_same_names() -> None:
    from fal_stream import AsyncFalStream, FalStream

    def names(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert {name.replace("aclose", "close") for name in names(AsyncFalStream)} == names(FalStream)
    assert {name.replace("aclose", "close") for name in names(AsyncStreamingClient)} == names(
        StreamingClient
    )


@pytest.mark.parametrize("end", ["limit", "abort", "close", "cancel"])
async def test_async_credentials_that_hang(fal: LocalFal, end: str) -> None:
    asked = asyncio.Event()

    async def credentials() -> str:
        asked.set()
        await asyncio.sleep(1000)
        return "a:b"

    limit = 0.2 if end == "limit" else None
    client = AsyncStreamingClient(run_url=fal.url, credentials=credentials, start_timeout=limit)
    stream = client.stream("acme/app")
    task = asyncio.create_task(stream.done())
    await asked.wait()
    if end == "limit":
        with pytest.raises(StreamTimeout, match="start_timeout"):
            await asyncio.wait_for(task, 10)
    elif end == "cancel":
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
    elif end == "close":
        await client.aclose()
        with pytest.raises(StreamInterrupted, match="client was closed"):
            await asyncio.wait_for(task, 10)
    else:
        stream.abort()
        assert await asyncio.wait_for(task, 10) is None
    await client.aclose()
    assert fal.requests == []


def test_one_stream_in_two_loops(fal: LocalFal) -> None:
    fal.add("acme/app", [1, Hang()])
    client = AsyncStreamingClient(**fal.settings)
    stream = client.stream("acme/app")

    async def steal() -> None:
        with pytest.raises(FalStreamError, match="another event loop"):
            await anext(stream)

    async def main() -> None:
        assert await anext(stream) == 1
        await asyncio.to_thread(asyncio.run, steal())
        await stream.aclose()
        await client.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("kind", [WrongFlavour, NotAwaited])
def test_the_errors_can_be_pickled(kind: type[WrongFlavour]) -> None:
    again = pickle.loads(pickle.dumps(kind("a hint")))
    assert (type(again), str(again)) == (kind, "a hint")
