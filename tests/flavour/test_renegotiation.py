"""A server that wants another TLS handshake while a reader is cancelled."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from fal_stream import AsyncFalStream, AsyncStreamingClient
from tests.concurrency import until

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 18\r\n\r\n"


class Server:
    """The server of OpenSSL, whose input is what it says, and `R` asks for a handshake."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process = process
        self._log = log
        self.url = f"https://127.0.0.1:{port}"

    def wait_for(self, text: bytes, times: int) -> None:
        until(lambda: self._log.read_bytes().count(text) >= times)

    def say(self, text: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        # What comes at once is not taken for a command.
        time.sleep(0.2)


@pytest.fixture
def server(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    chain = str(tmp_path / "chain.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    command = [program, "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_2"]
    command += ["-key", chain, "-cert", chain]
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, bufsize=0
        ) as process,
    ):
        server = Server(process, port, log)
        try:
            server.wait_for(b"ACCEPT", 1)
            yield server
        finally:
            process.kill()


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_an_answer_of_tls_outlives_a_cancelled_reader(server: Server) -> None:
    async with AsyncStreamingClient(
        run_url=server.url, credentials="a:b", start_timeout=10, retry=None
    ) as client:
        for number in (1, 2):
            stream = client.stream("acme/app")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.start)
                await trio.to_thread.run_sync(server.wait_for, b"POST /", number)
                await trio.to_thread.run_sync(server.say, HEAD)
            # Nothing is read meanwhile, so the chunk and the wish come together.
            server.say(b"data: 1\n\n")
            server.say(b"R\n")
            chunks = [await anext(stream)]

            async def give_up(stream: AsyncFalStream[Any] = stream) -> None:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await stream.done()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(give_up)
                nursery.start_soon(give_up)
                nursery.start_soon(stream.done)
                await trio.sleep(0.5)
                await trio.to_thread.run_sync(server.say, b"data: 2\n\n")
            assert [*chunks, *stream.buffer] == [1, 2]
