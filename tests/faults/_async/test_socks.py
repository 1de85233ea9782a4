"""Row 9, behind a SOCKS proxy: one that is mute, and one that talks nonsense."""

from __future__ import annotations

import gc
import logging
import socket

import pytest

from fal_stream import AsyncStreamingClient, FalStreamError, StreamConnectionError, StreamTimeout
from tests._async.read_stream import read
from tests.faults.servers import RawServer

pytest.importorskip("socksio")


def outside() -> AsyncStreamingClient:
    """A client of a host that is reached through the proxies of the environment."""
    return AsyncStreamingClient(
        run_url="https://far.example", credentials="a:b", trusted_hosts=["far.example"], retry=None
    )


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="mute"),
        pytest.param(b"\x05\x00", id="greets only"),
    ],
)
async def test_a_mute_proxy(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def play(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(answer)
        while client.recv(1000):
            pass

    with RawServer(play) as proxy:
        monkeypatch.setenv("all_proxy", f"socks5://{proxy.address}")
        async with outside() as client:
            chunks, error = await read(client.stream("acme/app", start_timeout=1))
        assert proxy.connected == 1
    assert chunks == []
    assert isinstance(error, StreamTimeout)
    del error
    gc.collect()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\x05", id="half a greeting"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="HTTP"),
        pytest.param(b"", id="gone"),
    ],
)
async def test_a_proxy_that_talks_nonsense(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def play(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(answer)

    foreign = ""
    with RawServer(play) as proxy:
        monkeypatch.setenv("all_proxy", f"socks5://{proxy.address}")
        async with outside() as client:
            try:
                await client.stream("acme/app").done()
            except FalStreamError as error:
                assert type(error) is StreamConnectionError  # noqa: PT017
            except Exception as error:
                foreign = repr(error)
    gc.collect()
    assert foreign == ""


async def test_no_log_shows_the_password(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def play(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(b"\x05\x02")
        client.recv(1000)

    caplog.set_level(logging.DEBUG)
    with RawServer(play) as proxy:
        monkeypatch.setenv("all_proxy", f"socks5://me:hidden@{proxy.address}")
        async with outside() as client:
            with pytest.raises(StreamConnectionError) as caught:
                await client.stream("acme/app").done()
    assert "POST to https://far.example" in caplog.text
    assert "hidden" not in f"{caplog.text}{caught.value}"
