"""Listeners: who hears what, in which order, and what they may do."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncFalStream,
    AsyncStreamingClient,
    ConfigError,
    FalStreamError,
    StreamEventError,
    StreamEventType,
)
from fal_stream.testing import Event, Failure, Hang, LocalFal, Reply

from .read_stream import Outcome, read


@pytest.fixture(autouse=True)
def app(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 0, ""])
    fal.add("acme/at-once", Reply([1, 0, ""], coalesce=True))


@pytest.mark.parametrize("endpoint_id", ["acme/app", "acme/at-once"])
async def test_everything_in_order(
    fal: LocalFal, client: AsyncStreamingClient, endpoint_id: str
) -> None:
    heard: list[Any] = []
    stream = client.stream(endpoint_id)
    assert stream.on("data", lambda chunk: heard.append(("data", chunk))) is stream
    stream.on("message", lambda chunk: heard.append(("message", chunk)))
    stream.on("data", lambda chunk: heard.append(("data again", chunk)))
    stream.on("done", lambda chunk: heard.append(("done", chunk)))
    stream.on("error", lambda error: heard.append(("error", error)))
    assert await stream.done() == ""
    expected: list[Any] = []
    for chunk in (1, 0, ""):
        expected += [("data", chunk), ("data again", chunk), ("message", chunk)]
    assert heard == [*expected, ("done", "")]
    await stream.done()
    await stream.aclose()
    assert len(heard) == 10


@pytest.mark.parametrize("type", ["data", "message", "done", "error"])
@pytest.mark.parametrize("endpoint_id", ["acme/app", "acme/failed"])
async def test_a_listener_that_comes_too_late(
    fal: LocalFal, client: AsyncStreamingClient, type: StreamEventType, endpoint_id: str
) -> None:
    fal.add("acme/failed", Failure(500, "no"))
    stream = client.stream(endpoint_id)
    await read(stream)
    heard: list[Any] = []
    with pytest.warns(UserWarning, match=f"has ended, so a listener for '{type}' is never called"):
        assert stream.on(type, heard.append) is stream
    await read(stream)
    await stream.aclose()
    assert heard == []


async def test_events_that_are_asked_for_too_late(client: AsyncStreamingClient) -> None:
    stream = client.stream("acme/app")
    await stream.done()
    with pytest.warns(UserWarning, match="was read as chunks to its end, so events"):
        assert [event async for event in stream.events()] == []
    assert [event async for event in stream.events()] == []
    assert list(stream.buffer) == [1, 0, ""]


@pytest.mark.parametrize("method", ["text", "files"])
async def test_text_and_files_that_are_asked_for_too_late(
    fal: LocalFal, client: AsyncStreamingClient, method: str
) -> None:
    fal.add("acme/text", [{"output": "a"}, {"output": "ab"}])
    stream = client.stream("acme/app")
    assert await read(stream) == Outcome([1, 0, ""], None)
    with pytest.warns(UserWarning, match=f"read as chunks to its end, so {method}\\(\\) has no"):
        things = getattr(stream, method)()
    assert [thing async for thing in things] == []
    # What waits in the buffer is not lost.
    stream = client.stream("acme/text")
    assert await stream.done() == {"output": "ab"}
    assert [piece async for piece in stream.text()] == ["a", "b"]
    assert [piece async for piece in stream.text()] == []


async def test_a_listener_that_comes_in_time(fal: LocalFal, client: AsyncStreamingClient) -> None:
    """While the stream runs, and from within a listener that is called before the last one."""
    heard: list[Any] = []
    stream = client.stream("acme/at-once")
    stream.on("data", lambda chunk: stream.on("done", heard.append))
    async with stream:
        stream.on("data", heard.append)
        assert await stream.done() == ""
    assert heard == [1, 0, "", "", "", ""]
    aborted = client.stream("acme/app")
    aborted.abort()
    # It may have been given a signal that was aborted before: nothing is wrong with that.
    aborted.on("data", heard.append)
    assert await aborted.done() is None


async def test_a_listener_of_the_flavour(client: AsyncStreamingClient) -> None:
    heard: list[Any] = []

    async def listener(chunk: Any) -> None:
        heard.append(chunk)

    async def hear_end(chunk: Any) -> None:
        heard.append(("done", chunk))

    await client.stream("acme/app").on("data", listener).on("done", hear_end).done()
    assert heard == [1, 0, "", ("done", "")]


async def test_listeners_hear_a_chunk_before_its_consumer(client: AsyncStreamingClient) -> None:
    order: list[Any] = []
    stream = client.stream("acme/app").on("data", lambda chunk: order.append(("heard", chunk)))
    async for chunk in stream:
        order.append(("got", chunk))  # noqa: PERF401 - it shows when
    for chunk in (1, 0, ""):
        assert order.index(("heard", chunk)) < order.index(("got", chunk))
    assert len(order) == 6


async def test_off(client: AsyncStreamingClient) -> None:
    heard: list[Any] = []
    stream = client.stream("acme/app").on("data", heard.append).on("message", heard.append)
    assert stream.off("data", heard.append) is stream
    stream.off("data", heard.append).off("done", print)
    await stream.done()
    assert heard == [1, 0, ""]


async def test_off_takes_one_away_at_a_time(client: AsyncStreamingClient) -> None:
    heard: list[Any] = []
    stream = client.stream("acme/app").on("data", heard.append).on("data", heard.append)
    await stream.off("data", heard.append).done()
    assert heard == [1, 0, ""]


async def test_a_listener_that_takes_itself_off(client: AsyncStreamingClient) -> None:
    heard: list[Any] = []
    stream = client.stream("acme/at-once")

    def once(chunk: Any) -> None:
        heard.append(chunk)
        stream.off("data", once)

    def ever(chunk: Any) -> None:
        heard.append(("ever", chunk))

    await stream.on("data", once).on("data", ever).done()
    assert heard == [1, ("ever", 1), ("ever", 0), ("ever", "")]


async def test_a_listener_that_comes_late(client: AsyncStreamingClient) -> None:
    heard: list[Any] = []
    stream = client.stream("acme/app")
    async for chunk in stream:
        if chunk == 1:
            stream.on("done", heard.append)
    assert heard == [""]


async def test_the_listeners_can_be_seen(client: AsyncStreamingClient) -> None:
    stream = client.stream("acme/app").on("data", print)
    assert stream.listeners == {"data": [print], "message": [], "error": [], "done": []}
    stream.abort()  # or it would warn that nobody reads it


async def test_a_listener_that_raises(
    client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []

    async def fail(chunk: Any) -> None:
        raise KeyError(f"no {chunk!r}")

    stream = client.stream("acme/app")
    kinds: list[StreamEventType] = ["data", "done"]
    for kind in kinds:
        stream.on(kind, fail).on(kind, heard.append)
    with caplog.at_level(logging.ERROR, "fal_stream"):
        assert await read(stream) == Outcome([1, 0, ""], None)
    assert heard == [1, 0, "", ""]
    assert [record.name for record in caplog.records] == ["fal_stream"] * 4
    assert all("acme/app" in record.getMessage() for record in caplog.records)
    assert "no 1" in caplog.text


async def test_an_error_listener_that_raises(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: FalStreamError) -> None:
        raise KeyError("mine")

    fal.add("acme/app", Failure(500))
    with caplog.at_level(logging.ERROR, "fal_stream"), pytest.raises(ApiError):
        await client.stream("acme/app").on("error", fail).done()
    assert len(caplog.records) == 1


async def test_the_error_is_the_one_that_is_raised(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, Event("x", event="error")])
    heard: list[Any] = []
    stream = client.stream("acme/app").on("error", heard.append).on("done", heard.append)
    with pytest.raises(StreamEventError) as caught:
        await stream.done()
    assert heard == [caught.value]
    assert heard[0].request_id == stream.request_id


@pytest.mark.parametrize("kind", ["data", "done", "error"])
async def test_a_listener_that_asks_its_own_stream(
    fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture, kind: Any
) -> None:
    fal.add("acme/bad", [1, 2, Event("x")])
    raised: list[FalStreamError] = []
    stream = client.stream("acme/bad" if kind == "error" else "acme/app")

    async def ask(_: Any) -> None:
        try:
            assert await stream.done() == ""  # where nothing is left to wait for
        except FalStreamError as error:
            raised.append(error)
            raise

    stream.on(kind, ask)
    chunks, error = await read(stream)
    assert chunks == ([1, 2] if kind == "error" else [1, 0, ""])
    assert len(caplog.records) == len(raised) == {"data": 3, "done": 0, "error": 1}[kind]
    if kind == "error":
        assert raised == [error]
    else:
        assert error is None
        assert all("its own stream" in str(refusal) for refusal in raised)


@pytest.mark.parametrize("endpoint_id", ["acme/app", "acme/at-once"])
async def test_a_listener_that_iterates_its_own_stream(
    client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture, endpoint_id: str
) -> None:
    taken: list[Any] = []
    stream = client.stream(endpoint_id)

    async def take(_: Any) -> None:
        async for chunk in stream:
            taken.append(chunk)  # noqa: PERF401 - what came before the error counts

    stream.on("data", take)
    chunks, error = await read(stream)
    assert error is None
    assert taken == []
    assert chunks == [1, 0, ""]
    assert "its own stream" in caplog.text


@pytest.mark.parametrize("kind", ["data", "done"])
async def test_a_listener_that_closes_its_own_stream(
    fal: LocalFal, client: AsyncStreamingClient, kind: Any
) -> None:
    fal.add("acme/app", [1, 2, Hang()] if kind == "data" else [1])
    stream = client.stream("acme/app")

    async def close(_: Any) -> None:
        await stream.aclose()

    await stream.on(kind, close).done()
    assert stream.closed
    assert stream.current_data in (1, 2)


async def test_a_listener_that_starts_another_stream(
    client: AsyncStreamingClient,
) -> None:
    got: list[Any] = []

    async def stream_too(chunk: Any) -> None:
        got.append((chunk, await client.stream("acme/at-once").done()))

    await client.stream("acme/app").on("data", stream_too).done()
    assert got == [(1, ""), (0, ""), ("", "")]


@pytest.mark.parametrize("name", ["on", "off"])
@pytest.mark.parametrize(
    ("kind", "message"), [("dta", "'dta'; did you mean 'data'"), ("close", "'close'; there are")]
)
async def test_an_unknown_type(
    client: AsyncStreamingClient, name: str, kind: str, message: str
) -> None:
    stream: AsyncFalStream[Any] = client.stream("acme/app")
    with pytest.raises(ConfigError, match=message):
        getattr(stream, name)(kind, print)


async def test_a_listener_that_cannot_be_called(client: AsyncStreamingClient) -> None:
    listener: Any = "print"
    with pytest.raises(ConfigError, match="listener='print'"):
        client.stream("acme/app").on("data", listener)


@pytest.mark.parametrize("kind", ["data", "message", "error", "done"])
async def test_listeners_of_a_stream_that_nobody_reads(
    client: AsyncStreamingClient, kind: Any
) -> None:
    streams = [client.stream("acme/app").on(kind, print)]
    with pytest.warns(RuntimeWarning, match="listeners never heard anything: nothing is sent"):
        streams.clear()


async def test_no_warning_where_none_is_due(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1])
    client.stream("acme/app")
    client.stream("acme/app").on("data", print).off("data", print)
    client.stream("acme/app").on("data", print).abort()
    await client.stream("acme/app").on("data", print).aclose()
    await client.stream("acme/app").on("data", print).done()
    with pytest.raises(ApiError):
        await client.stream("acme/away").on("data", print).done()
