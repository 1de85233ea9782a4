"""Times that look like milliseconds: a warning, in the name of the line that gave them."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import Self

from fal_stream import AsyncStorageClient, AsyncStreamingClient, Config, RetryPolicy
from fal_stream.testing import LocalFal

SETTINGS = ["timeout", "event_timeout", "start_timeout", "total_timeout"]
SETTINGS += ["token_lifetime", "keepalive_expiry"]


def said(name: str) -> str:
    """What is said of 15,000 seconds."""
    return (
        f"{name}=15000 is more than an hour: times are in seconds here, and in milliseconds in "
        "JavaScript; give 15 if 15 seconds are meant"
    )


class Warned:
    """Catches the warnings of a block."""

    def __enter__(self) -> Self:
        self._catcher = warnings.catch_warnings(record=True)
        self._caught = self._catcher.__enter__()
        warnings.simplefilter("always")
        self._line = sys._getframe(1).f_lineno
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._catcher.__exit__(None, None, None)
        if exc_info[0] is None:
            self.texts: list[str] = [str(entry.message) for entry in self._caught]
            for entry in self._caught:
                assert entry.category is UserWarning
                assert Path(entry.filename).name == "test_millisecond_warnings.py"
                assert 0 < entry.lineno - self._line < 12


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting(name: str) -> None:
    settings: dict[str, Any] = {name: 15000}
    with Warned() as warned:
        client = AsyncStreamingClient(**settings)
    assert warned.texts == [said(name)]
    await client.aclose()


async def test_a_setting_is_told_of_once() -> None:
    with Warned() as warned:
        config = Config(total_timeout=15000)
    assert warned.texts == [said("total_timeout")]
    with Warned() as warned:
        await AsyncStreamingClient(config).aclose()
        await AsyncStreamingClient(config, retry=None).aclose()
        await AsyncStorageClient(config).aclose()
    assert warned.texts == []
    with Warned() as warned:
        await AsyncStreamingClient(config, timeout=15000).aclose()
    assert warned.texts == [said("timeout")]


@pytest.mark.parametrize("name", SETTINGS[:3])
async def test_a_variable_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"FAL_STREAM_{name.upper()}"
    monkeypatch.setenv(variable, "15000")
    with Warned() as warned:
        await AsyncStreamingClient().aclose()
    assert warned.texts == [said(variable)]


@pytest.mark.parametrize("name", SETTINGS[:4])
async def test_an_option(fal: LocalFal, client: AsyncStreamingClient, name: str) -> None:
    fal.add("acme/app", [1])
    options: dict[str, Any] = {name: 15000}
    with Warned() as warned:
        stream = client.stream("acme/app", **options)
        client.stream("acme/app", **options)
    assert warned.texts == [said(name)]
    assert await stream.done() == 1


async def test_a_map_tells_of_it_once(fal: LocalFal, client: AsyncStreamingClient) -> None:
    fal.add("acme/app", [1])
    with Warned() as warned:
        results = client.stream_map("acme/app", [1, 2, 3], timeout=15000)
    assert warned.texts == [said("timeout")]
    with Warned() as warned:
        assert len([item async for item in results]) == 3
    assert warned.texts == []


async def test_files(fal: LocalFal, client: AsyncStreamingClient, tmp_path: Path) -> None:
    fal.add("acme/app", [{"image": {"url": "data:image/png;base64,iVBORw0KGgo="}}])
    with Warned() as warned:
        await client.stream("acme/app").save(tmp_path, timeout=15000)
    assert warned.texts == [said("timeout")]
    async for file in client.stream("acme/app").files():
        with Warned() as warned:
            await file.read(timeout=15000)
        assert warned.texts == [said("timeout")]
        with Warned() as warned:
            await file.save(tmp_path, timeout=15000)
        assert warned.texts == [said("timeout")]


def test_delays_of_retries() -> None:
    with Warned() as warned:
        RetryPolicy(base_delay=15000, max_delay=15000)
    assert warned.texts == [said("base_delay"), said("max_delay")]


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (3600, []),
        (15, []),
        (None, []),
        (3601, ["timeout=3601 is more than an hour: "]),
        (1e300, ["timeout=1e+300 is more than an hour: "]),
    ],
)
async def test_above_an_hour(seconds: float | None, texts: list[str]) -> None:
    with Warned() as warned:
        await AsyncStreamingClient(timeout=seconds).aclose()
    assert len(warned.texts) == len(texts)
    assert all(part in text for part, text in zip(texts, warned.texts, strict=True))
    assert all(len(text) < 1000 for text in warned.texts)


async def test_the_defaults_are_no_such_times() -> None:
    with Warned() as warned:
        async with AsyncStreamingClient() as client:
            client.stream("workflows/acme/flow")
            client.stream("acme/app")
    assert warned.texts == []
