"""The TLS settings are loaded once for all clients of a process."""

from __future__ import annotations

import errno
import gc
import os
import ssl

import httpx
import pytest

from fal_stream import (
    AsyncStreamingClient,
    StreamConnectionError,
    StreamingClient,
    StreamInterrupted,
)
from fal_stream.testing import Cut, LocalFal, Reply
from tests.tls import HIDES_CUTS


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_one_for_all_clients(tls_fal: LocalFal, monkeypatch: pytest.MonkeyPatch) -> None:
    tls_fal.add("acme/app", [1])
    loaded: list[ssl.SSLContext] = []
    load = httpx.create_ssl_context

    def counted() -> ssl.SSLContext:
        loaded.append(load())
        return loaded[-1]

    monkeypatch.setattr(httpx, "create_ssl_context", counted)
    for _ in range(3):
        async with AsyncStreamingClient(**tls_fal.settings) as client:
            assert await client.stream("acme/app").done() == 1
        with StreamingClient(**tls_fal.settings) as blocking:
            assert blocking.stream("acme/app").done() == 1
    assert len(loaded) == 1
    gc.collect()


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_no_file_descriptor_is_left(
    tls_fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing about the file of authorities, and a later stream loads it."""
    tls_fal.add("acme/app", [1])

    def none_left() -> ssl.SSLContext:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async with AsyncStreamingClient(**tls_fal.settings, retry=None) as client:
        with StreamingClient(**tls_fal.settings, retry=None) as blocking:
            with monkeypatch.context() as patch:
                patch.setattr(httpx, "create_ssl_context", none_left)
                with pytest.raises(StreamConnectionError, match=r"Too many open.*ulimit") as caught:
                    await client.stream("acme/app").done()
                assert caught.value.transient
                with pytest.raises(StreamConnectionError, match=r"Too many open.*ulimit"):
                    blocking.stream("acme/app").done()
            assert await client.stream("acme/app").done() == 1
            assert blocking.stream("acme/app").done() == 1


@pytest.mark.skipif(not HIDES_CUTS, reason="the option comes with OpenSSL 3")
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_python_that_hides_cut_connections(
    tls_fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Python 3.11.2 sets the option in each context."""
    tls_fal.add("acme/app", Reply([1, Cut()], framing="close"))
    context = httpx.create_ssl_context()
    context.options |= HIDES_CUTS
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: context)
    async with AsyncStreamingClient(**tls_fal.settings, retry=None) as client:
        with pytest.raises(StreamInterrupted):
            await client.stream("acme/app").done()
    blocking = StreamingClient(**tls_fal.settings, retry=None)
    with blocking, pytest.raises(StreamInterrupted):
        blocking.stream("acme/app").done()
    assert not context.options & HIDES_CUTS
