"""What takes long to load: once for many, and nobody has to wait for it."""

from __future__ import annotations

import ssl
import threading

import httpx
import pytest

from fal_stream import AsyncStreamingClient, ConfigError, StreamTimeout
from fal_stream.testing import LocalFal
from tests.concurrency import AsyncJob, async_until

from .read_stream import read


class Loader:
    """Loads TLS settings when it is told to.

    Attributes:
        go_on: Lets it end.
        error: What it ends with instead of the settings.
        threads: Who has called it.
    """

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.error: OSError | None = None
        self.threads: list[threading.Thread] = []
        self._load = httpx.create_ssl_context

    def __call__(self) -> ssl.SSLContext:
        self.threads.append(threading.current_thread())
        assert self.go_on.wait(20)
        if self.error is not None:
            raise self.error
        return self._load()


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> Loader:
    loader = Loader()
    monkeypatch.setattr(httpx, "create_ssl_context", loader)
    return loader


async def test_many_streams_load_it_once(tls_fal: LocalFal, loader: Loader) -> None:
    tls_fal.add("acme/app", [1, 2])
    async with AsyncStreamingClient(**tls_fal.settings) as client:
        jobs = [AsyncJob(client.stream("acme/app").done) for _ in range(8)]
        await async_until(lambda: len(loader.threads) > 0)
        # The loop goes on meanwhile: this is another task of it, or another thread.
        assert all(job.is_running for job in jobs)
        loader.go_on.set()
        assert [await job.result() for job in jobs] == [2] * 8
        assert await client.stream("acme/app").done() == 2
    assert len(loader.threads) == 1
    assert loader.threads[0] is not threading.main_thread()


async def test_an_abort_meanwhile(tls_fal: LocalFal, loader: Loader) -> None:
    tls_fal.add("acme/app", [1])
    async with AsyncStreamingClient(**tls_fal.settings) as client:
        stream, other = client.stream("acme/app"), client.stream("acme/app")
        job, job_of_other = AsyncJob(read, stream), AsyncJob(other.done)
        await async_until(lambda: len(loader.threads) > 0)
        stream.abort()
        assert (await job.result()).chunks == []
        assert job_of_other.is_running
        loader.go_on.set()
        assert await job_of_other.result() == 1
    assert [request.path for request in tls_fal.requests] == ["/acme/app/stream"]


async def test_a_limit_meanwhile(tls_fal: LocalFal, loader: Loader) -> None:
    tls_fal.add("acme/app", [1])
    async with AsyncStreamingClient(**tls_fal.settings) as client:
        with pytest.raises(StreamTimeout):
            await client.stream("acme/app", start_timeout=0.05).done()
        loader.go_on.set()
        assert await client.stream("acme/app").done() == 1
    assert len(loader.threads) == 1


async def test_closing_meanwhile(tls_fal: LocalFal, loader: Loader) -> None:
    client = AsyncStreamingClient(**tls_fal.settings)
    job = AsyncJob(read, client.stream("acme/app"))
    await async_until(lambda: len(loader.threads) > 0)
    await client.aclose()
    assert (await job.result()).chunks == []
    loader.go_on.set()
    assert tls_fal.requests == []


async def test_a_failure_is_told_to_each_and_not_kept(tls_fal: LocalFal, loader: Loader) -> None:
    tls_fal.add("acme/app", [1])
    loader.error = OSError("no such file")
    async with AsyncStreamingClient(**tls_fal.settings) as client:
        jobs = [AsyncJob(client.stream("acme/app").done) for _ in range(2)]
        await async_until(lambda: len(loader.threads) > 0)
        loader.go_on.set()
        for job in jobs:
            with pytest.raises(ConfigError, match="authorities for TLS can't be loaded"):
                await job.result()
        loader.error = None
        assert await client.stream("acme/app").done() == 1
