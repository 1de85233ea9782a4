"""Rows 36 to 38: what the caller gives is refused, or reported, without showing a secret."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from fal_stream import AsyncStreamingClient, ConfigError, StreamTimeout, TokenError
from fal_stream.credentials import Secret
from fal_stream.testing import LocalFal
from tests._async.read_stream import Outcome, read
from tests.concurrency import async_until

BAD_KEYS = [
    '"id:hunter2"',
    "id:hunter2\nx: y",
    "id:hunter2\0",
    "id:hunt er2",
    "id:h\u00fcnter2",
    "id:hunter2\u2028",
    "id:hunter2\x7f",
    "id:\thunter2",
]


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
async def test_a_bad_key(
    either_fal: LocalFal, key: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    either_fal.add("acme/app", [1])
    shown: list[str] = []
    givens: list[Any] = [key, Secret(key), lambda: key]
    if "\0" not in key:
        monkeypatch.setenv("FAL_KEY", key)
        givens.append(None)
    for given in givens:
        with pytest.raises(ConfigError) as caught:
            async with AsyncStreamingClient(run_url=either_fal.url, credentials=given) as client:
                await client.stream("acme/app").done()
        error: BaseException | None = caught.value
        while error is not None:
            shown.append(f"{error}{error!r}")
            error = error.__cause__ or error.__context__
    assert either_fal.requests == []
    text = "".join([*shown, caplog.text])
    assert "hunt" not in text
    assert "nter2" not in text


BAD_IDS = [
    "acme/../other/app",
    "../acme/app",
    "acme/app/..",
    "acme/./app",
    "acme/%2e%2e/app",
    "acme%2fapp",
    "acme/app%2f..%2fother",
    "acme/app@evil.example",
    "@evil.example/app",
    "acme\\app",
    "acme/app\\..\\other",
    "acme/app?x=1",
    "acme/app#x",
    "https://evil.example/acme/app",
    "//evil.example/app",
    "/acme/app",
    "acme//app",
    "acme/app\r\nx: y",
    "acme/app\0",
    "acme/ app",
    "acme/\u00e4pp",
    "acme/app\u2025",
    "javascript:alert(1)",
    "acme/app:80",
    ".",
    "..",
    "",
]


@pytest.mark.parametrize("endpoint_id", BAD_IDS, ids=ascii)
async def test_a_bad_endpoint_id(
    either_fal: LocalFal, client: AsyncStreamingClient, endpoint_id: str
) -> None:
    with pytest.raises(ConfigError, match="endpoint_id"):
        await client.stream(endpoint_id).done()
    assert either_fal.requests == []


@pytest.mark.parametrize(
    "given", [None, 123, "", "x" * 100_000, "a b", "a\r\nb", "\u00e4"], ids=repr
)
async def test_a_provider_that_gives_no_token(
    either_fal: LocalFal, client: AsyncStreamingClient, given: Any
) -> None:
    either_fal.add("acme/app", [1])
    stream = client.stream("acme/app", connection_mode="client", token_provider=lambda path: given)
    chunks, error = await read(stream)
    assert chunks == []
    assert type(error) is TokenError
    assert either_fal.requests == []
    assert len(str(error)) < 700
    assert await client.stream("acme/app").done() == 1


async def test_a_provider_that_raises_or_hangs(
    either_fal: LocalFal, client: AsyncStreamingClient
) -> None:
    async def refuse(path: str) -> str:
        raise ValueError("not today")

    release = threading.Event()

    async def hang(path: str) -> str:
        await async_until(release.is_set)
        return "late"

    options: dict[str, Any] = {"connection_mode": "client", "start_timeout": 0.2}
    _, error = await read(client.stream("acme/app", token_provider=refuse, **options))
    assert type(error) is TokenError
    assert isinstance(error.__cause__, ValueError)
    _, error = await read(client.stream("acme/app", token_provider=hang, **options))
    assert isinstance(error, StreamTimeout)
    assert error.option == "start_timeout"
    release.set()
    assert either_fal.requests == []


async def test_listeners_that_raise(
    either_fal: LocalFal, client: AsyncStreamingClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(value: object) -> None:
        raise ZeroDivisionError(f"no {value}")

    either_fal.add("acme/app", [1, 2])
    heard: list[object] = []
    stream = client.stream("acme/app")
    for kind in ("data", "message", "error", "done"):
        stream.on(kind, fail).on(kind, heard.append)
    assert await read(stream) == Outcome([1, 2], None)
    assert heard == [1, 1, 2, 2, 2]
    assert [record.name for record in caplog.records] == ["fal_stream"] * 5
    assert caplog.text.count("ZeroDivisionError: no 1") == 2
