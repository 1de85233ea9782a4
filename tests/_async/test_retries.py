"""Requests that are sent again, against servers that count them."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from fal_stream import (
    ApiError,
    AsyncStreamingClient,
    Config,
    RetryPolicy,
    StreamConnectionError,
    StreamInterrupted,
    StreamTimeout,
)
from fal_stream._async import dispatch
from fal_stream.testing import Cut, Failure, Hang, LocalFal, RecordedRequest, Reply
from tests.concurrency import AsyncJob, async_until
from tests.sockets import MuteServer

from .read_stream import read

AT_ONCE = RetryPolicy(base_delay=0)


def failing(times: int, failure: Failure | Reply) -> Callable[[RecordedRequest], Any]:
    """Make a script that fails so many times, and then streams."""
    failures = [failure] * times

    def answer(request: RecordedRequest) -> Any:
        return failures.pop() if failures else [1, 2]

    return answer


@pytest.fixture
async def client(fal: LocalFal) -> Any:
    """A client that tries again without waiting."""
    async with AsyncStreamingClient(**fal.settings, retry=AT_ONCE) as client:
        yield client


@pytest.mark.parametrize("status", [429, 503])
async def test_a_request_that_was_turned_away_is_sent_again(
    fal: LocalFal, client: AsyncStreamingClient, status: int
) -> None:
    fal.add("acme/app", failing(3, Failure(status)))
    assert await read(client.stream("acme/app", input={"a": 1})) == ([1, 2], None)
    assert [request.json() for request in fal.requests] == [{"a": 1}] * 4
    assert len({request.headers["authorization"] for request in fal.requests}) == 1
    assert len({request.peer for request in fal.requests}) == 1  # the connection was kept


async def test_the_last_answer_is_the_error(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", Failure(503, "no runner", error_type="runner_scheduling_failure"))
    stream = client.stream("acme/app")
    with pytest.raises(ApiError, match="no runner") as caught:
        await stream.done()
    assert len(fal.requests) == 4
    assert caught.value.error_type == "runner_scheduling_failure"
    assert caught.value.request_id == fal.requests[-1].request_id


@pytest.mark.parametrize(
    "failure",
    [
        Failure(500),
        Failure(502),
        Failure(504),
        Failure(422, []),
        Failure(401),
        Failure(503, retryable=False),
        Failure(429, retryable=False),
    ],
    ids=lambda failure: f"{failure.status}-{failure.retryable}",
)
async def test_what_is_not_sent_again(
    fal: LocalFal, client: AsyncStreamingClient, failure: Failure
) -> None:
    fal.add("acme/app", failure)
    with pytest.raises(ApiError):
        await client.stream("acme/app").done()
    assert len(fal.requests) == 1


async def test_other_statuses_on_request(fal: LocalFal) -> None:
    policy = RetryPolicy(base_delay=0, retryable_status_codes=[502, 504])
    async with AsyncStreamingClient(**fal.settings, retry=policy) as client:
        fal.add("acme/app", failing(2, Failure(502)))
        assert await client.stream("acme/app").done() == 2
        assert len(fal.requests) == 3
        # Its limit was the caller's own.
        fal.add("acme/app", failing(2, Failure(504, timeout_type="user")))
        with pytest.raises(ApiError) as caught:
            await client.stream("acme/app").done()
        assert caught.value.is_user_timeout
        assert len(fal.requests) == 4


@pytest.mark.parametrize("retry", [None, RetryPolicy(max_retries=0)])
async def test_without_retries(fal: LocalFal, retry: RetryPolicy | None) -> None:
    fal.add("acme/app", Failure(503))
    async with AsyncStreamingClient(**fal.settings, retry=retry) as client:
        with pytest.raises(ApiError):
            await client.stream("acme/app").done()
    assert len(fal.requests) == 1


async def test_never_after_the_first_chunk(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1, Cut()])
    chunks, error = await read(client.stream("acme/app"))
    assert chunks == [1]
    assert isinstance(error, StreamInterrupted)
    assert len(fal.requests) == 1


async def test_never_where_the_request_was_sent(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", Reply([Cut(in_chunk=False)], head=b""))
    with pytest.raises(StreamConnectionError) as caught:
        await client.stream("acme/app").done()
    assert caught.value.request_sent
    assert len(fal.requests) == 1


async def test_a_server_that_comes_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    policy = RetryPolicy(max_retries=100, base_delay=0.05, backoff_multiplier=1)
    async with AsyncStreamingClient(run_url=f"http://127.0.0.1:{port}", retry=policy) as client:
        job = AsyncJob(client.stream("acme/app").done)
        fal = LocalFal(port=port, key=None)
        fal.add("acme/app", [1])
        with fal:
            assert await job.result() == 1
            assert len(fal.requests) == 1


async def test_a_server_that_stays_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with AsyncStreamingClient(run_url=url, retry=AT_ONCE) as client:
        with pytest.raises(StreamConnectionError, match="No answer came from http://127") as caught:
            await client.stream("acme/app").done()
    assert not caught.value.request_sent
    assert caught.value.transient


async def test_a_certificate_that_is_not_trusted_is_not_tried_again(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    policy = RetryPolicy(base_delay=1000, max_delay=1000)
    with LocalFal(ssl_context=context) as fal:
        async with AsyncStreamingClient(**fal.settings, retry=policy) as client:
            with pytest.raises(StreamConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
                await client.stream("acme/app").done()
    assert not caught.value.transient


async def test_retry_after_is_waited_for(fal: LocalFal) -> None:
    policy = RetryPolicy(base_delay=1000, max_delay=1000)
    async with AsyncStreamingClient(**fal.settings, retry=policy) as client:
        fal.add("acme/app", failing(1, Failure(429, headers={"retry-after": "1"})))
        begin = time.monotonic()
        assert await client.stream("acme/app").done() == 2
        assert time.monotonic() - begin >= 1


async def test_a_wait_that_outlasts_the_limit_is_not_begun(fal: LocalFal) -> None:
    policy = RetryPolicy(base_delay=1000, max_delay=1000)
    async with AsyncStreamingClient(**fal.settings, retry=policy, start_timeout=60) as client:
        fal.add("acme/app", Failure(503, "no runner"))
        with pytest.raises(ApiError, match="no runner"):
            await client.stream("acme/app").done()
    assert len(fal.requests) == 1


async def test_an_abort_cuts_the_wait_short(fal: LocalFal) -> None:
    policy = RetryPolicy(base_delay=1000, max_delay=1000)
    async with AsyncStreamingClient(**fal.settings, retry=policy, start_timeout=None) as client:
        fal.add("acme/app", Failure(503))
        stream = client.stream("acme/app")
        job = AsyncJob(stream.done)
        await async_until(lambda: any(request.finished.is_set() for request in fal.requests))
        stream.abort()
        assert await job.result() is None
    assert len(fal.requests) == 1


async def test_all_tries_share_the_limit(fal: LocalFal, mute: MuteServer) -> None:
    url = f"http://{mute.address}"
    async with AsyncStreamingClient(run_url=url, retry=AT_ONCE, start_timeout=0.3) as client:
        with pytest.raises(StreamTimeout, match="start_timeout"):
            await client.stream("acme/app").done()
    assert mute.connected == 1


# The host that stands in for fal.run.


@pytest.fixture
def tls_fal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFal]:
    """A server with a certificate for fal's hosts."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("fal.run", "falrun.com", "run.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with LocalFal(ssl_context=context) as fal:
        fal.add("acme/app", [1])
        yield fal


def settings(fal: LocalFal, host: str) -> dict[str, Any]:
    run_url = f"https://{host}:{fal.url.rpartition(':')[2]}"
    return {"run_url": run_url, "credentials": fal.key, "retry": None}


async def test_the_backup_host_stands_in(tls_fal: LocalFal, local_names: dict[str, bool]) -> None:
    local_names.update({"fal.run": False, "falrun.com": True})
    async with AsyncStreamingClient(**settings(tls_fal, "fal.run")) as client:
        stream = client.stream("acme/app", input={"a": 1})
        assert await stream.done() == 1
    (request,) = tls_fal.requests
    assert request.headers["host"].startswith("falrun.com:")
    assert request.json() == {"a": 1}
    assert stream.url.startswith("https://fal.run:")


async def test_the_first_failure_is_the_one_that_is_told(
    tls_fal: LocalFal, local_names: dict[str, bool]
) -> None:
    local_names.update({"fal.run": False, "falrun.com": False})
    async with AsyncStreamingClient(**settings(tls_fal, "fal.run")) as client:
        with pytest.raises(StreamConnectionError, match=r"No answer came from https://fal\.run:"):
            await client.stream("acme/app").done()


async def test_no_backup_where_the_request_was_sent(
    tls_fal: LocalFal, local_names: dict[str, bool]
) -> None:
    local_names.update({"fal.run": True, "falrun.com": True})
    tls_fal.add("acme/app", Reply([Cut(in_chunk=False)], head=b""))
    async with AsyncStreamingClient(**settings(tls_fal, "fal.run")) as client:
        with pytest.raises(StreamConnectionError):
            await client.stream("acme/app").done()
    assert len(tls_fal.requests) == 1


async def test_no_backup_for_other_hosts(tls_fal: LocalFal, local_names: dict[str, bool]) -> None:
    local_names.update({"run.example": False, "falrun.com": True})
    given = settings(tls_fal, "run.example")
    async with AsyncStreamingClient(**given, trusted_hosts=["run.example"]) as client:
        with pytest.raises(StreamConnectionError, match="//run"):
            await client.stream("acme/app").done()
    assert tls_fal.requests == []


async def test_a_silent_host_gives_way_to_its_backup(
    unreachable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Both names lead to this machine; the backup's server is found where the first never answers.
    monkeypatch.setattr(dispatch, "PRIMARY_CONNECT_TIMEOUT", 0.2)
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("falrun.com").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    host, _, port = unreachable.partition(":")
    addresses = {"fal.run": host, "falrun.com": "127.0.0.2"}
    look_up = socket.getaddrinfo

    def getaddrinfo(name: Any, *args: Any, **options: Any) -> Any:
        return look_up(addresses.get(name, name), *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with LocalFal(host="127.0.0.2", port=int(port), ssl_context=context) as fal:
        fal.add("acme/app", [1])
        config = Config(run_url=f"https://fal.run:{port}", credentials=str(fal.key), retry=None)
        async with AsyncStreamingClient(config) as client:
            assert await client.stream("acme/app").done() == 1
        assert len(fal.requests) == 1


async def test_an_answer_that_is_thrown_away_is_not_waited_for(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    stalled = Reply(
        [b"busy", Hang()],
        status=429,
        content_type="text/plain",
        headers={"content-length": "100"},
        framing="close",
    )
    fal.add("acme/app", failing(1, stalled))
    assert await AsyncJob(client.stream("acme/app", start_timeout=60).done).result() == 2
    assert fal.requests[0].gone.wait(10)


async def test_what_a_proxy_refuses_was_not_sent(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It gets `CONNECT fal.run:443`, knows no such thing, and says so.
    monkeypatch.setenv("https_proxy", fal.url)
    async with AsyncStreamingClient(credentials="a:b", retry=None) as client:
        with pytest.raises(StreamConnectionError, match=r"from https://fal\.run") as caught:
            await client.stream("acme/app").done()
    assert not caught.value.request_sent
    # What a proxy refuses is final: it is not asked for the backup host either.
    assert not caught.value.transient
    assert [request.headers["host"] for request in fal.requests] == ["fal.run:443"]
