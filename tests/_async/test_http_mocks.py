"""Libraries that stand in for the network of httpx: they see what an `http_client` sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_stream import AsyncStreamingClient, StreamConnectionError
from fal_stream.testing import LocalFal

from .read_stream import read

EVENTS = {"content-type": "text/event-stream"}
BODY = b'data: {"n": 1}\n\ndata: {"n": 2}\n\n'
CHUNKS = [{"n": 1}, {"n": 2}]


@pytest.fixture
async def client() -> Any:
    """A client whose HTTP client is one of httpx; its key is none."""
    async with (
        httpx.AsyncClient() as http_client,
        AsyncStreamingClient(credentials="id:a-word", http_client=http_client) as client,
    ):
        yield client


async def test_respx(client: AsyncStreamingClient) -> None:
    respx = pytest.importorskip("respx")
    with respx.mock() as router:
        route = router.post("https://fal.run/acme/llm/stream").respond(
            200, headers=EVENTS, content=BODY
        )
        stream = client.stream("acme/llm", input={"prompt": "Hi"})
        assert await read(stream) == (CHUNKS, None)
        (call,) = route.calls
        assert call.request.headers["authorization"] == "Key id:a-word"
        assert call.request.content == b'{"prompt":"Hi"}'
        # A connection that can't be made is tried again, at the backup host too.
        route.mock(side_effect=httpx.ConnectError)
        router.post("https://falrun.com/acme/llm/stream").respond(200, headers=EVENTS, content=BODY)
        assert await client.stream("acme/llm").done() == CHUNKS[-1]


async def test_respx_sees_nothing_without_it(fal: LocalFal) -> None:
    respx = pytest.importorskip("respx")
    fal.add("acme/app", [1])
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(500)
        async with AsyncStreamingClient(**fal.settings) as client:
            assert await client.stream("acme/app").done() == 1
        assert not router.calls


class AsyncPieces(httpx.AsyncByteStream):
    """A body that comes in two pieces, the first in the middle of an event."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield BODY[:20]
        yield BODY[20:]


async def test_pytest_httpx(client: AsyncStreamingClient, httpx_mock: Any) -> None:
    httpx_mock.add_response(
        method="POST", url="https://fal.run/acme/llm/stream", headers=EVENTS, stream=AsyncPieces()
    )
    httpx_mock.add_response(status_code=422, json={"detail": "no prompt"})
    assert await read(client.stream("acme/llm")) == (CHUNKS, None)
    _, error = await read(client.stream("acme/llm"))
    assert error is not None
    assert "no prompt" in error.message
    httpx_mock.add_exception(httpx.ReadError("it broke"), is_reusable=True)
    with pytest.raises(StreamConnectionError, match="it broke"):
        await client.stream("acme/llm").done()
    assert [request.method for request in httpx_mock.get_requests()] == ["POST"] * 3


@pytest.fixture
def cassettes(tmp_path: Path) -> Any:
    """Where responses are kept, without the key."""
    vcr = pytest.importorskip("vcr")
    return vcr.VCR(cassette_library_dir=str(tmp_path), filter_headers=["authorization"])


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_vcrpy(fal: LocalFal, cassettes: Any, tmp_path: Path, library: str) -> None:
    package = pytest.importorskip(library)
    fal.add("acme/app", CHUNKS)
    for _ in range(2):
        # The second time it is the cassette that answers.
        with cassettes.use_cassette("one.yaml"):
            async with (
                package.AsyncClient() as http_client,
                AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
            ):
                stream = client.stream("acme/app", input={"prompt": "Hi"})
                assert await read(stream) == (CHUNKS, None)
    assert len(fal.requests) == 1
    assert fal.key is not None
    assert fal.key not in (tmp_path / "one.yaml").read_text()
