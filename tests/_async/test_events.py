"""`events()`: the stream as the server sent it."""

from __future__ import annotations

from typing import Any

import pytest

from fal_stream import (
    AsyncStreamingClient,
    FalStreamError,
    IncompleteStream,
    ServerSentEvent,
    StreamInterrupted,
    ValidationError,
)
from fal_stream.testing import Cut, Event, Failure, Hang, LocalFal, Ping, Raw, Reply, audio


async def read_events(events: Any) -> tuple[list[ServerSentEvent], FalStreamError | None]:
    got: list[ServerSentEvent] = []
    try:
        async for event in events:
            got.append(event)  # noqa: PERF401 - what came before an error counts
    except FalStreamError as error:
        return got, error
    return got, None


async def test_events_come_as_they_are(fal: LocalFal, client: AsyncStreamingClient) -> None:
    steps = [
        {"a": 1},
        Ping(),
        Event("", id="7"),
        Event("no json", event="progress", retry=250),
        Event("out of memory", event="error"),
        Event("two\nlines"),
        Event("[DONE]"),
        Event("after"),
    ]
    fal.add("acme/app", steps)
    stream = client.stream("acme/app")
    assert await read_events(stream.events()) == (
        [
            ServerSentEvent("message", '{"a": 1}'),
            ServerSentEvent("message", "", "7"),
            ServerSentEvent("progress", "no json", "7", 250),
            ServerSentEvent("error", "out of memory", "7"),
            ServerSentEvent("message", "two\nlines", "7"),
            ServerSentEvent("message", "[DONE]", "7"),
            ServerSentEvent("message", "after", "7"),
        ],
        None,
    )
    assert stream.closed
    assert stream.request_id == fal.requests[0].request_id


async def test_an_event_decodes_its_own_json(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [{"a": [1]}, Event("x")])
    (good, bad), _ = await read_events(client.stream("acme/app").events())
    assert good.json() == {"a": [1]}
    with pytest.raises(ValueError, match="Expecting value"):
        bad.json()


async def test_events_have_no_chunks(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2])
    stream = client.stream("acme/app")
    await read_events(stream.events())
    assert list(stream.buffer) == []
    assert stream.current_data is None
    assert await stream.done() is None
    assert await read_events(stream.events()) == ([], None)


async def test_listeners_hear_no_events(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2])
    heard: list[Any] = []
    stream = client.stream("acme/app").on("data", heard.append)
    await read_events(stream.events())
    assert heard == []


async def test_two_iterators_share_the_events(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2, 3])
    async with client.stream("acme/app") as stream:
        async for event in stream.events():
            assert event.data == "1"
            break
        got, _ = await read_events(stream.events())
    assert [event.data for event in got] == ["2", "3"]


async def test_chunks_that_came_before_stay(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [Raw(b"data: 1\n\ndata: 2\n\n"), 3])
    stream = client.stream("acme/app")
    async for chunk in stream:
        assert chunk == 1
        break
    got, _ = await read_events(stream.events())
    assert 2 in stream.buffer
    assert [*stream.buffer, *(event.json() for event in got)] == [2, 3]


async def test_iterating_both_ways_is_refused(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2])
    async with client.stream("acme/app") as stream:
        events = stream.events()
        with pytest.raises(FalStreamError, match=r"events\(\)"):
            async for _ in stream:
                pass
        assert [event.data async for event in events] == ["1", "2"]


async def test_done_runs_through_the_events(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Event("x")])
    stream = client.stream("acme/app")
    events = stream.events()
    assert await stream.done() is None
    got, error = await read_events(events)
    assert [event.data for event in got] == ["1", "x"]
    assert error is None


async def test_events_of_an_error(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Failure(422, "No"))
    got, error = await read_events(client.stream("acme/app").events())
    assert got == []
    assert isinstance(error, ValidationError)


async def test_events_of_a_cut_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Cut()])
    got, error = await read_events(client.stream("acme/app").events())
    assert [event.data for event in got] == ["1"]
    assert type(error) is StreamInterrupted


@pytest.mark.parametrize(
    ("tail", "last"),
    [
        (b"data: x\n", "x"),
        (b"data: x\nid: 3\n", "x"),
        (b"event: y\ndata: 1\n", "1"),
        (b'data: {"a":\ndata: 1}\n', '{"a":\n1}'),
        (b"data: two\ndata: lines\n", "two\nlines"),
        (b"data:\n", ""),
        (b"data: [DONE]\n", "[DONE]"),
        (b"data: [DONE]", "[DONE]"),
    ],
)
async def test_a_last_event_with_whole_lines(
    fal: LocalFal, client: AsyncStreamingClient, tail: bytes, last: str
) -> None:
    fal.add("acme/app", [1, Raw(tail)])
    got, error = await read_events(client.stream("acme/app").events())
    assert [event.data for event in got] == ["1", last]
    assert error is None


@pytest.mark.parametrize(
    "tail",
    [
        *(b"data: x", b"data: {}", b"da", b"event: x", b"data: x\nid: 3", b"data: {}\nevent: er"),
        *(b'data: {"a":\n', b"data: [1,\ndata: 2\n", b'data: "tw\n', b"event: x\ndata: {\n"),
        *(b"data: x\n: half a com", b"data: {}\nunknown", b"data: [DONE]\nid: 3", b"data: [DONE"),
    ],
)
async def test_half_an_event(fal: LocalFal, client: AsyncStreamingClient, tail: bytes) -> None:
    fal.add("acme/app", [1, Raw(tail)])
    got, error = await read_events(client.stream("acme/app").events())
    assert [event.data for event in got] == ["1"]
    assert isinstance(error, IncompleteStream)


async def test_events_of_a_binary_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(audio(0.1), content_type="audio/wav"))
    got, error = await read_events(client.stream("acme/app").events())
    assert got == []
    assert error is not None
    assert "audio/wav" in str(error)


async def test_events_of_no_content(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(status=204))
    assert await read_events(client.stream("acme/app").events()) == ([], None)


async def test_errors_count_the_events(fal: LocalFal, client: AsyncStreamingClient) -> None:
    half = Reply([Raw(b"data: 1\n\ndata: 2\n\ndata: 3")])
    silent = Reply([Raw(b"data: 1\n\nevent: x\ndata: 2\n\n"), Hang()])
    for number, (reply, message) in enumerate(
        [(half, "in the middle of an event, after 2 events: "), (silent, "0.3 s, after 2 events; ")]
    ):
        fal.add(f"acme/app{number}", reply)
        stream = client.stream(f"acme/app{number}", event_timeout=0.3)
        got: list[str] = []
        with pytest.raises(FalStreamError) as raised:
            async for event in stream.events():
                got.append(event.data)  # noqa: PERF401 - what came before an error counts
        assert got == ["1", "2"]
        assert message in raised.value.message
        assert repr(stream).endswith(" closed, 2 events>")
