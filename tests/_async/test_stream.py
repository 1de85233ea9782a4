"""The main job: chunks in order, in every way to ask for them, over every way to send them."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import fal_stream
from fal_stream import (
    AsyncStreamingClient,
    Config,
    ConfigError,
    StreamConnectionError,
    create_async_streaming_client,
)
from fal_stream._async.api import _default_async_client
from fal_stream.testing import (
    End,
    Event,
    Framing,
    Hang,
    LocalFal,
    Pause,
    Ping,
    Raw,
    RecordedRequest,
    Reply,
    tokens,
)
from tests.concurrency import AsyncJob, async_sleep, async_until

from .read_stream import Outcome, read


async def test_chunks_come_in_order(fal: LocalFal, client: AsyncStreamingClient) -> None:
    chunks: list[Any] = [0, "", False, None, {"a": [1, 2.5]}, [], 1]
    fal.add("acme/values", chunks)
    assert [chunk async for chunk in client.stream("acme/values")] == chunks


async def test_values_keep_their_types(fal: LocalFal, client: AsyncStreamingClient) -> None:
    chunks: list[Any] = [0, False, 1, True, 1.0, None, "0", "null", 10**30, -0.0, "\ud800"]
    fal.add("acme/values", chunks)
    got = [chunk async for chunk in client.stream("acme/values")]
    assert [(type(chunk), repr(chunk)) for chunk in got] == [
        (type(chunk), repr(chunk)) for chunk in chunks
    ]


async def test_done_gives_the_last_chunk(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", tokens("to be or not", pause=0))
    stream = client.stream("acme/llm")
    assert await stream.done() == {"output": "to be or not", "partial": False}
    assert await stream.done() == {"output": "to be or not", "partial": False}
    assert len(fal.requests) == 1


@pytest.mark.parametrize("last", [0, "", False, None])
async def test_done_gives_a_falsy_last_chunk(
    fal: LocalFal, client: AsyncStreamingClient, last: object
) -> None:
    fal.add("acme/app", [1, last])
    stream = client.stream("acme/app")
    assert await stream.done() is last or await stream.done() == last
    assert stream.current_data == last


async def test_done_takes_no_chunk_away(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2, 3])
    stream = client.stream("acme/app")
    assert await stream.done() == 3
    assert list(stream.buffer) == [1, 2, 3]
    assert await read(stream) == Outcome([1, 2, 3], None)


async def test_done_during_iteration(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2, 3])
    stream = client.stream("acme/app")
    got: list[Any] = []
    async for chunk in stream:
        got.append(chunk)
        assert await stream.done() == 3
    assert got == [1, 2, 3]


async def test_iterating_after_the_end_ends(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1])
    stream = client.stream("acme/app")
    assert await read(stream) == Outcome([1], None)
    assert await read(stream) == Outcome([], None)
    assert await stream.done() == 1


async def test_iterating_twice_goes_on(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2, 3])
    async with client.stream("acme/app") as stream:
        async for chunk in stream:
            assert chunk == 1
            break
        assert await read(stream) == Outcome([2, 3], None)


async def test_nothing_is_sent_before_the_start(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1])
    stream = client.stream("acme/app")
    assert "not started" in repr(stream)
    assert stream.request_id is None
    assert stream.response_headers == {}
    assert stream.current_data is None
    assert stream.last_event_timestamp is None
    await stream.aclose()
    assert stream.closed
    assert await read(stream) == Outcome([], None)
    assert fal.requests == []


async def test_start_waits_for_the_head_only(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply([1], headers={"X-Fal-Billable-Units": "3"}))
    stream = client.stream("acme/app")
    assert await stream.start() is stream
    assert await stream.start() is stream
    assert stream.request_id == fal.requests[0].request_id
    assert stream.response_headers["x-fal-billable-units"] == "3"
    assert list(stream.buffer) == []
    assert not stream.closed
    assert await read(stream) == Outcome([1], None)
    assert len(fal.requests) == 1


async def test_with_starts_the_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1])
    async with client.stream("acme/app") as stream:
        assert stream.request_id == fal.requests[0].request_id
        assert await stream.done() == 1
    assert stream.closed


async def test_what_a_stream_tells_about_itself(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app/turbo", [1, 2])
    before = time.time()
    stream = client.stream("acme/app/turbo", input={"a": 1}, timeout=9)
    assert stream.endpoint_id == "acme/app/turbo"
    assert stream.url == f"{fal.url}/acme/app/turbo/stream"
    assert stream.options == {"input": {"a": 1}, "timeout": 9}
    assert stream.config is client.config
    assert "not started" in repr(stream)
    assert [chunk async for chunk in stream] == [1, 2]
    assert stream.closed
    assert stream.current_data == 2
    assert stream.last_event_timestamp is not None
    assert before <= stream.last_event_timestamp <= time.time()
    assert not stream.signal.aborted
    assert "acme/app/turbo closed, 2 chunks" in repr(stream)


async def test_two_thousand_events_that_are_ready(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    chunks = [{"n": n} for n in range(2000)]
    fal.add("acme/app", Reply(chunks, coalesce=True))
    assert [chunk async for chunk in client.stream("acme/app")] == chunks


async def test_an_event_of_ten_megabytes(fal: LocalFal, client: AsyncStreamingClient) -> None:
    picture = {"url": "data:image/png;base64," + "iVBOR" * 2_000_000}
    fal.add("acme/app", [picture, {"seed": 1}])
    assert [chunk async for chunk in client.stream("acme/app")] == [picture, {"seed": 1}]


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_each_framing(fal: LocalFal, client: AsyncStreamingClient, framing: Framing) -> None:
    fal.add("acme/app", Reply(["ä", "€", "🦊"], framing=framing))
    assert [chunk async for chunk in client.stream("acme/app")] == ["ä", "€", "🦊"]


async def test_the_body_byte_by_byte(fal: LocalFal, client: AsyncStreamingClient) -> None:
    text = "žluťoučký 🦊 \u2028"
    event = f"data: {json.dumps(text, ensure_ascii=False)}\r\n\r\n".encode()
    steps = [Raw(bytes([byte])) for byte in event * 2]
    fal.add("acme/app", steps)
    assert [chunk async for chunk in client.stream("acme/app")] == [text, text]


async def test_many_events_in_one_send(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [Raw(b"data: 1\n\ndata: 2\n\ndata: 3\n\nda"), Raw(b"ta: 4\n\n")])
    assert [chunk async for chunk in client.stream("acme/app")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xef\xbb\xbfdata: 1\n\ndata: 2\n\n", id="BOM"),
        pytest.param(b"id: 7\ndata: 1\n\n: ping\n\ndata: 2\n\n", id="comment after an id"),
        pytest.param(b"id: 7\ndata: 1\n\nretry: 10\n\ndata: 2\n\n", id="retry after an id"),
        pytest.param(b"data: 1\r\n\r\ndata: 2\r\n\r\n", id="CRLF"),
        pytest.param(b"data: 1\r\rdata: 2\r\r", id="CR"),
        pytest.param(b"data:1\n\ndata:2\n\n", id="no space"),
        pytest.param(b"event: progress\ndata: 1\n\nevent: x\ndata: 2\n\n", id="names"),
        pytest.param(b"data: 1\n\ndata:\n\ndata\n\ndata: 2\n\n", id="no data"),
        pytest.param(b"data: 1\n\nfoo: 3\n\ndata: 2\n\n", id="unknown field"),
        pytest.param(b"data:\ndata: 1\n\ndata: 2\ndata:\n\n", id="data lines"),
        pytest.param(b"data: 1\n\ndata: 2\n\n: the end", id="half a comment at the end"),
        pytest.param(b"data: 1\n\ndata: 2\n\ndata: [DONE]\n\ndata: 3\n\n", id="[DONE]"),
        pytest.param(b"data: 1\n\ndata: 2\n\ndata: [DONE]", id="[DONE] without an end"),
    ],
)
async def test_event_streams_that_hold_1_and_2(
    fal: LocalFal, client: AsyncStreamingClient, body: bytes
) -> None:
    fal.add("acme/app", [Raw(body)])
    fal.add("acme/slow", [Raw(body[at : at + 1]) for at in range(len(body))])
    for endpoint_id in ("acme/app", "acme/slow"):
        stream = client.stream(endpoint_id)
        assert await read(stream) == Outcome([1, 2], None)
        assert await stream.done() == 2


@pytest.mark.parametrize(
    "content_type", ["text/event-stream;charset=utf-8", "Text/Event-Stream ; charset=UTF-8"]
)
async def test_the_content_type_has_many_forms(
    fal: LocalFal, client: AsyncStreamingClient, content_type: str
) -> None:
    fal.add("acme/app", Reply([Raw(b"data: 1\n\n")], headers={"content-type": content_type}))
    assert await client.stream("acme/app").done() == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply([]),
        Reply([], framing="length"),
        Reply([], framing="close"),
        Reply([Ping(), Event("")]),
        Reply([], content_type="application/octet-stream", framing="length"),
        Reply(status=204),
        Reply(status=204, content_type="application/json"),
    ],
)
async def test_a_stream_without_chunks(
    fal: LocalFal, client: AsyncStreamingClient, reply: Reply
) -> None:
    fal.add("acme/app", reply)
    stream = client.stream("acme/app")
    assert await read(stream) == Outcome([], None)
    assert await stream.done() is None
    assert stream.request_id == fal.requests[0].request_id


async def test_connections_are_used_again(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2])
    fal.add("acme/length", Reply([1, 2], framing="length"))
    fal.add("acme/empty", Reply(status=204))
    fal.add("acme/done", [1, 2, Event("[DONE]")])
    for endpoint_id in ("acme/app", "acme/length", "acme/empty", "acme/done", "acme/none") * 2:
        await read(client.stream(endpoint_id, input={}))
    assert len(fal.requests) == 10
    peers = [request.peer for request in fal.requests]
    # What comes after [DONE] is not waited for, so that connection may have to go.
    assert len(set(peers[:4])) == 1
    assert len(set(peers)) <= 3


async def test_a_broken_stream_costs_its_connection(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2])
    fal.add("acme/bad", [1, Raw(b"data: {\n\n"), Hang()])
    for endpoint_id in ("acme/bad", "acme/app", "acme/bad", "acme/app"):
        await read(client.stream(endpoint_id))
    one, two, three, four = [request.peer for request in fal.requests]
    assert one != two == three != four
    assert all(request.gone.wait(10) for request in fal.requests[::2])


async def test_a_connection_that_the_server_has_closed(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply([1, End()], keep_alive=True, framing="chunked"))
    fal.add("acme/last", Reply([2], keep_alive=False))
    for endpoint_id, last in [("acme/app", 1), ("acme/last", 2), ("acme/app", 1)]:
        assert await client.stream(endpoint_id).done() == last
    one, two, three = [request.peer for request in fal.requests]
    assert one == two != three


async def test_many_streams_of_one_client(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", lambda request: [request.json(), "end"])
    streams = [client.stream("acme/app", input=number) for number in range(30)]
    for stream in streams:
        await stream.start()
    assert [await read(stream) for stream in streams] == [
        Outcome([number, "end"], None) for number in range(30)
    ]
    assert len({request.peer for request in fal.requests}) == 30


async def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with LocalFal(ssl_context=context) as fal:
        fal.add("acme/app", tokens("to be", pause=0))
        fal.add("acme/big", Reply([{"big": "x" * 3_000_000}, 2]))
        async with AsyncStreamingClient(**fal.settings) as client:
            with pytest.raises(StreamConnectionError, match="certificate"):
                await client.stream("acme/app").done()
        assert fal.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with AsyncStreamingClient(**fal.settings) as client:
            assert await client.stream("acme/app").done() == {"output": "to be", "partial": False}
            assert await client.stream("acme/big").done() == 2
        assert len({request.peer for request in fal.requests}) == 1


async def test_a_closed_client_starts_no_stream(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    client = AsyncStreamingClient(**fal.settings)
    await client.aclose()
    await client.aclose()
    with pytest.raises(ConfigError, match="closed"):
        await client.stream("acme/app").done()
    assert fal.requests == []


async def test_the_factory_makes_a_client(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    config = Config(**fal.settings)
    for client in (
        create_async_streaming_client(config),
        create_async_streaming_client(**fal.settings),
    ):
        assert isinstance(client, AsyncStreamingClient)
        async with client:
            assert await client.stream("acme/app").done() == 1


async def test_settings_come_over_the_config(fal: LocalFal) -> None:
    config = Config(**fal.settings, timeout=3, headers={"x-a": "1"})
    async with AsyncStreamingClient(config, timeout=4) as client:
        assert client.config.timeout == 4
        assert client.config.run_url == fal.url
        assert client.config.headers == {"x-a": "1"}
        assert config.timeout == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeuot": 3}, "timeout"),
        ({"timeout": -1}, "timeout=-1"),
        ({"config": {"timeout": 3}}, "config is of type dict"),
        ({"run_url": "fal.run"}, "run_url='fal.run'"),
        ({"credentials": ""}, "credentials"),
    ],
)
def test_a_client_with_bad_settings(arguments: dict[str, Any], message: str) -> None:
    for make in (AsyncStreamingClient, create_async_streaming_client):
        with pytest.raises(ConfigError, match=message):
            make(**arguments)


@pytest.fixture
async def environment(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[pytest.MonkeyPatch]:
    """An environment that leads to the test's own server, and a module client made in it."""
    monkeypatch.setenv("FAL_RUN_HOST", fal.url)
    monkeypatch.setenv("FAL_KEY", "local-id:local-secret")
    _default_async_client.cache_clear()
    yield monkeypatch
    await _default_async_client().aclose()
    _default_async_client.cache_clear()


@pytest.mark.usefixtures("environment")
async def test_the_stream_of_the_module(fal: LocalFal) -> None:
    fal.add("acme/app", [1, 2])
    assert [chunk async for chunk in fal_stream.stream_async("acme/app", input=0)] == [1, 2]
    assert await fal_stream.stream_async("acme/app", output_type=int).done() == 2
    assert [request.body for request in fal.requests] == [b"0", b""]
    assert len({request.peer for request in fal.requests}) == 1


@pytest.mark.usefixtures("environment")
async def test_the_stream_of_the_module_checks_its_arguments(fal: LocalFal) -> None:
    with pytest.raises(ConfigError, match="did you mean 'input'"):
        fal_stream.stream_async("acme/app", inptu={})  # type: ignore[call-overload]
    assert fal.requests == []


@pytest.mark.usefixtures("environment")
async def test_a_client_of_the_environment(fal: LocalFal) -> None:
    fal.add("acme/app", [1])
    async with AsyncStreamingClient() as client:
        assert await client.stream("acme/app").done() == 1
    assert fal.requests[0].headers["authorization"] == "Key local-id:local-secret"


async def test_a_chunk_is_not_held_up_by_those_who_only_wait_for_the_end(fal: LocalFal) -> None:
    """Whoever reads hands over to the next in line, who must not read on past what came."""
    go_on = threading.Event()

    def script(request: RecordedRequest) -> Iterator[object]:
        while not go_on.is_set():
            yield Pause(0.005)
        yield 1
        yield Hang()

    fal.add("acme/app", script)
    async with AsyncStreamingClient(**fal.settings) as client:
        stream = client.stream("acme/app")
        await stream.start()
        jobs: list[AsyncJob[Any]] = [AsyncJob(stream.done) for _ in range(3)]
        await async_sleep(0.05)
        reader = AsyncJob(read, stream)
        await async_sleep(0.05)
        go_on.set()
        await async_until(lambda: stream.current_data == 1 and not stream.buffer)
        stream.abort()
        assert await reader.result() == Outcome([1], None)
        assert [await job.result() for job in jobs] == [1, 1, 1]
