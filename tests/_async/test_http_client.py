"""Streams over an HTTP client of the user's."""

from __future__ import annotations

import gc
import socket
import threading
from typing import Any

import pytest

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    ConfigError,
    RetryPolicy,
    StreamConnectionError,
    StreamInterrupted,
    StreamTimeout,
)
from fal_stream.testing import Cut, Event, Failure, Hang, LocalFal, Ping, Reply, Wire, tokens
from tests.concurrency import AsyncJob, async_until
from tests.faults.servers import RawServer
from tests.sockets import MuteServer

from .read_stream import read


@pytest.fixture(params=["httpx", "httpx2"])
def package(request: pytest.FixtureRequest) -> Any:
    """The HTTP library."""
    return pytest.importorskip(request.param)


@pytest.fixture
async def http_client(package: Any) -> Any:
    """A client of the user's, with a header of its own, and with a single connection."""
    limits = package.Limits(max_connections=1)
    async with package.AsyncClient(headers={"x-mine": "1"}, limits=limits) as client:
        yield client


@pytest.fixture
async def client(fal: LocalFal, http_client: Any) -> Any:
    """A client that sends by it."""
    async with AsyncStreamingClient(**fal.settings, retry=None, http_client=http_client) as client:
        yield client


async def test_a_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/llm", tokens("to be or not", pause=0.01))
    stream = client.stream("acme/llm", input={"prompt": "x"})
    chunks, error = await read(stream)
    assert [chunk["output"] for chunk in chunks] == ["to ", "to be ", "to be or ", "to be or not"]
    assert error is None
    (request,) = fal.requests
    assert request.json() == {"prompt": "x"}
    assert request.headers["authorization"] == f"Key {fal.key}"
    assert request.headers["x-mine"] == "1"
    assert request.headers["accept-encoding"] == "identity"
    assert stream.request_id == request.request_id


async def test_the_connection_is_used_again(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, 2])
    for _ in range(2):
        assert await client.stream("acme/app").done() == 2
    assert fal.requests[0].peer == fal.requests[1].peer


async def test_the_client_stays_open(fal: LocalFal, http_client: Any) -> None:
    fal.add("acme/app", [1])
    async with AsyncStreamingClient(**fal.settings, http_client=http_client) as client:
        await client.stream("acme/app").done()
    assert not http_client.is_closed
    with pytest.raises(ConfigError, match="The client is closed"):
        await client.stream("acme/app").done()


async def test_errors_are_those_of_ours(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Failure(403, "no credit"))
    with pytest.raises(ApiError, match="no credit"):
        await client.stream("acme/app").done()
    fal.add("acme/app", [1, Cut()])
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamInterrupted)
    assert (error.__cause__, error.__context__) == (None, None)
    fal.add("acme/app", Reply([Cut(in_chunk=False)], head=b""))
    with pytest.raises(StreamConnectionError) as caught:
        await client.stream("acme/app").done()
    assert caught.value.request_sent


async def test_bad_framing_is_told_in_short(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Wire(b"z" * 20_000 + b"\r\n")])
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamInterrupted)
    assert len(str(error)) < 1000


async def test_nothing_is_there(http_client: Any, unreachable: str) -> None:
    async with AsyncStreamingClient(
        run_url="http://127.0.0.1:9", http_client=http_client, retry=RetryPolicy(base_delay=0)
    ) as client:
        with pytest.raises(StreamConnectionError, match="No answer came") as caught:
            await client.stream("acme/app").done()
        assert not caught.value.request_sent
        stream = client.stream("acme/app", url=f"http://{unreachable}/", start_timeout=0.2)
        with pytest.raises(StreamTimeout, match="start_timeout"):
            await stream.done()


@pytest.mark.parametrize(
    ("script", "option"),
    [
        ([1, Hang()], {"timeout": 0.2}),
        ([1, *[Ping(), Event("")] * 3, Hang()], {"event_timeout": 0.2, "timeout": None}),
        (Reply([1], delay=30), {"start_timeout": 0.2, "timeout": 1, "event_timeout": 1}),
        ([1, Hang()], {"total_timeout": 0.2}),
    ],
    ids=["idle", "event", "start", "total"],
)
async def test_limits(
    fal: LocalFal, client: AsyncStreamingClient, script: Any, option: dict[str, Any]
) -> None:
    fal.add("acme/app", script)
    _, error = await read(client.stream("acme/app", **option))
    assert isinstance(error, StreamTimeout)
    assert error.option in option
    assert fal.requests[0].gone.wait(10)


async def test_an_abort_in_the_body(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app", timeout=None)
    job = AsyncJob(read, stream)
    await async_until(lambda: stream.current_data == 1)
    threading.Thread(target=stream.abort).start()
    assert await job.result() == ([1], None)
    assert fal.requests[0].gone.wait(10)


async def test_an_abort_before_the_answer(mute: MuteServer, http_client: Any) -> None:
    async with AsyncStreamingClient(
        run_url=f"http://{mute.address}", http_client=http_client
    ) as client:
        stream = client.stream("acme/app", total_timeout=2)
        job = AsyncJob(stream.done)
        await async_until(lambda: mute.spoke)
        stream.abort()
        assert await job.result() is None
        # A blocking client of the user's goes on until the limit ends.
        await async_until(lambda: mute.abandoned)


async def test_a_dropped_stream(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    stream = client.stream("acme/app")
    await stream.__anext__()
    with pytest.warns(ResourceWarning, match="was dropped while it ran"):
        del stream
    gc.collect()
    assert fal.requests[0].gone.wait(10)
    fal.add("acme/app", [1])
    assert await client.stream("acme/app").done() == 1


async def test_a_transport_without_a_network(package: Any) -> None:
    def app(request: Any) -> Any:
        return package.Response(
            200, headers={"content-type": "text/event-stream"}, content=b"data: 1\n\ndata: 2\n\n"
        )

    async with (
        package.AsyncClient(transport=package.MockTransport(app)) as http_client,
        AsyncStreamingClient(run_url="http://127.0.0.1", http_client=http_client) as client,
    ):
        assert await read(client.stream("acme/app")) == ([1, 2], None)


async def test_a_body_that_a_hook_has_read(fal: LocalFal, package: Any) -> None:
    fal.add("acme/app", [1, 2])

    async def read_it(response: Any) -> None:
        await response.aread()

    async with (
        package.AsyncClient(event_hooks={"response": [read_it]}) as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        for _ in range(2):
            assert await read(client.stream("acme/app")) == ([1, 2], None)
    assert fal.requests[0].peer == fal.requests[1].peer


async def test_an_abort_after_the_end_spares_the_connection(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1, 2])
    for _ in range(3):
        stream = client.stream("acme/app")
        assert await stream.done() == 2
        stream.abort()
    assert len({request.peer for request in fal.requests}) == 1


async def test_a_stream_that_is_left_early(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Hang()])
    fal.add("acme/other", [1, 2])
    async with client.stream("acme/app") as stream:
        async for _ in stream:
            break
    del stream
    gc.collect()
    assert fal.requests[0].gone.wait(10)
    assert await client.stream("acme/other").done() == 2


async def test_nothing_of_the_client_changes_the_request(fal: LocalFal, package: Any) -> None:
    fal.add("acme/app", [1])
    async with (
        package.AsyncClient(
            auth=("me", "word"), cookies={"a": "b"}, params={"c": "d"}, headers={"x-mine": "1"}
        ) as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        await client.stream("acme/app", query_params={"e": "f"}).done()
    (request,) = fal.requests
    assert request.headers["authorization"] == f"Key {fal.key}"
    assert "cookie" not in request.headers
    assert request.query == {"e": "f"}
    assert request.headers["x-mine"] == "1"


async def test_a_proxy_that_refuses_is_asked_once(package: Any) -> None:
    def refuse(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(b"HTTP/1.1 407 Who are you?\r\ncontent-length: 0\r\n\r\n")

    with RawServer(refuse) as proxy:
        async with (
            package.AsyncClient(proxy=f"http://me:word@{proxy.address}") as http_client,
            AsyncStreamingClient(
                run_url="https://far.example",
                credentials="a:b",
                trusted_hosts=["far.example"],
                http_client=http_client,
            ) as client,
        ):
            with pytest.raises(StreamConnectionError, match="407 Who are you") as caught:
                await client.stream("acme/app").done()
        assert proxy.connected == 1
    assert not caught.value.request_sent
    assert not caught.value.transient


async def test_a_closed_client_of_the_users(fal: LocalFal, http_client: Any) -> None:
    await http_client.aclose()
    async with AsyncStreamingClient(**fal.settings, http_client=http_client, retry=None) as client:
        with pytest.raises(StreamConnectionError, match="The http_client is closed: make"):
            await client.stream("acme/app").done()


async def test_redirects_stay_at_their_origin(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Reply(status=307, headers={"location": "/acme/other/stream"}))
    fal.add("acme/other", [1])
    assert await client.stream("acme/app").done() == 1
    fal.add("acme/app", Reply(status=307, headers={"location": "http://127.0.0.2/x"}))
    with pytest.raises(ApiError, match="307"):
        await client.stream("acme/app").done()


async def test_what_is_no_client(package: Any) -> None:
    refused: list[Any] = [3, "x", package, package.AsyncClient]
    for given in refused:
        with pytest.raises(ConfigError, match=r"http_client=.* must be an httpx\."):
            AsyncStreamingClient(http_client=given)


async def test_hooks_that_raise(fal: LocalFal, package: Any) -> None:
    fal.add("acme/app", Failure(401))

    async def check(response: Any) -> None:
        response.raise_for_status()

    async def fail(response: Any) -> None:
        raise KeyError("no")

    for hook, message in (
        (check, "the http_client raised Client error"),
        (fail, "raised KeyError"),
    ):
        async with (
            package.AsyncClient(event_hooks={"response": [hook]}) as http_client,
            AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
        ):
            stream = client.stream("acme/app", connection_mode="client", token_provider=_token)
            with pytest.raises(StreamConnectionError, match=message) as caught:
                await stream.done()
            assert caught.value.request_sent
            assert "secret" not in f"{caught.value!r}{caught.value}{caught.value.__context__!r}"


@pytest.mark.parametrize("kind", ["request", "response"])
async def test_what_a_hook_raises_is_named_as_that(fal: LocalFal, package: Any, kind: str) -> None:
    fal.add("acme/app", [1])
    mine = ValueError("no budget left")

    async def refuse(_: Any) -> None:
        raise mine

    async with (
        package.AsyncClient(event_hooks={kind: [refuse]}) as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        with pytest.raises(StreamConnectionError) as raised:
            await client.stream("acme/app").done()
    assert raised.value.message.startswith(
        "The http_client raised ValueError: no budget left, which is the cause of this and comes "
        "from one of its event hooks"
    )
    assert raised.value.__cause__ is mine
    assert mine.__traceback__ is not None
    assert not raised.value.transient
    # It is not tried again, which would call the hook again.
    assert len(fal.requests) == (kind == "response")


def _token(app_path: str) -> str:
    return "secret.token"


async def test_a_storage_that_takes_a_file_and_does_not_answer(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    """The limit goes on when the last piece has been read, while the client waits for an answer."""
    fal.route("/storage/upload/*", Reply(delay=float("inf")), method="PUT")
    stream = client.stream("acme/app", input={"image": b"x" * 1_000_000}, start_timeout=0.5)
    with pytest.raises(StreamTimeout, match="start_timeout") as caught:
        await stream.done()
    assert caught.value.phase == "start"
    assert fal.requests[-1].method == "PUT"
    # An abort ends the same wait.
    stream = client.stream("acme/app", input={"image": b"x" * 1_000_000})
    job = AsyncJob(stream.done)
    await async_until(lambda: len(fal.requests) == 4)
    stream.abort()
    assert await job.result() is None
