"""Keys as people have them, from wherever they come; and what shows one that is refused."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fal_stream import (
    AsyncStorageClient,
    AsyncStreamingClient,
    Config,
    ConfigError,
    Secret,
    create_async_streaming_client,
    stream_async,
)
from fal_stream.testing import LocalFal
from tests.concurrency import async_sleep
from tests.frames import texts_in_frames

KEY = "0f5e3c1d-key-id:8b1d-hunter2-secret"
PARTS = ("0f5e3c1d-key-id", "8b1d-hunter2-secret")


@pytest.fixture
def fal() -> Any:
    """A server that wants this key."""
    with LocalFal(key=KEY) as fal:
        fal.add("acme/app", [1])
        yield fal


def as_argument(key: Any) -> AsyncStreamingClient:
    return AsyncStreamingClient(credentials=key)


def as_secret(key: Any) -> AsyncStreamingClient:
    return AsyncStreamingClient(credentials=Secret(key))


def in_a_config(key: Any) -> AsyncStreamingClient:
    return AsyncStreamingClient(Config(credentials=key))


def by_the_function(key: Any) -> AsyncStreamingClient:
    return create_async_streaming_client(credentials=key)


def by_a_callable(key: Any) -> AsyncStreamingClient:
    return AsyncStreamingClient(credentials=lambda: key)


def by_a_partial(key: Any) -> AsyncStreamingClient:
    return AsyncStreamingClient(credentials=functools.partial(str, key))


def by_one_that_waits(key: Any) -> AsyncStreamingClient:
    async def give() -> Any:
        await async_sleep(0)
        return key

    return AsyncStreamingClient(credentials=give)


def from_a_file(key: Any) -> AsyncStreamingClient:
    # As editors save it.
    Path("fal.key").write_bytes(key.encode("utf-8-sig") + b"\r\n")
    return AsyncStreamingClient(credentials=Path("fal.key").read_text(encoding="utf-8"))


def from_a_file_each_time(key: Any) -> AsyncStreamingClient:
    Path("fal.key").write_text(f"{key}\n", encoding="utf-8")
    return AsyncStreamingClient(credentials=lambda: Path("fal.key").read_text(encoding="utf-8"))


def from_the_environment(key: Any) -> AsyncStreamingClient:
    pytest.MonkeyPatch().setenv("FAL_KEY", key)
    return AsyncStreamingClient()


SOURCES = [
    *(
        as_argument,
        as_secret,
        in_a_config,
        by_the_function,
        by_a_callable,
        by_a_partial,
        by_one_that_waits,
    ),
    *(from_a_file, from_a_file_each_time, from_the_environment),
]


@pytest.fixture(params=SOURCES, ids=lambda source: source.__name__)
def source(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fal: LocalFal
) -> Callable[[Any], Any]:
    """Make a client with a key, which comes from somewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAL_KEY", "")  # so that it is set back
    monkeypatch.setenv("FAL_RUN_HOST", fal.url)
    given: Callable[[Any], Any] = request.param
    return given


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "{}\n",
        "{}\r\n",
        " {}\t\n\n",
        "\ufeff{}",
        "Key {}",
        "key   {} ",
        "Bearer {}",
        " bearer {}\n",
    ],
)
async def test_each_form_is_sent_as_it_is_meant(
    fal: LocalFal, source: Callable[[Any], Any], form: str
) -> None:
    is_bearer = "earer" in form
    if is_bearer:
        fal.route("/acme/app/stream", lambda request: [request.headers["authorization"]])
    async with source(form.format(KEY)) as client:
        last = await client.stream("acme/app").done()
    assert last == (f"Bearer {KEY}" if is_bearer else 1)
    scheme = "Bearer" if is_bearer else "Key"
    assert fal.requests[0].headers["authorization"] == f"{scheme} {KEY}"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ('"{}"', "quotation mark"),
        ("'{}'", "quotation mark"),
        ('"{}', "quotation mark"),
        ('{}"\n', "quotation mark"),
        ('Key "{}"', "quotation mark"),
        ('"Key {}"', "quotation mark"),
        ("`{}`", "quotation mark"),
        ("\u201c{}\u201d", "quotation mark"),
        ("FAL_KEY={}", "begin with FAL_KEY="),
        ("{} x", "hold a space, a line end or another character"),
        ("{}\nx: y", "hold a space, a line end or another character"),
        ("Authorization: Key {}", "hold a space, a line end or another character"),
        ("Bearer {} x", "hold a space, a line end or another character"),
        ("{}\u2028", "hold a space, a line end or another character"),
        ("{}\x7f", "hold a space, a line end or another character"),
        ("schl\u00fcssel{}", "hold a space, a line end or another character"),
    ],
)
async def test_a_refused_key_is_shown_nowhere(
    fal: LocalFal, source: Callable[[Any], Any], form: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        async with source(form.format(KEY)) as client:
            await client.stream("acme/app").done()
    assert fal.requests == []
    check_hidden(raised.value)


def check_hidden(error: BaseException) -> None:
    texts = list(texts_in_frames(error))
    assert texts
    assert [place for place, text in texts if any(part in text for part in PARTS)] == []
    ours = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = [line for line in ours.format() if "/tests/" not in line]
    assert shown
    assert not any(part in line for part in PARTS for line in shown)
    assert not any(part in str(error) for part in PARTS)


@pytest.mark.parametrize("given", [[KEY], {"key": KEY}, KEY.encode(), (KEY,)])
@pytest.mark.parametrize("make", [AsyncStreamingClient, Config, AsyncStorageClient])
def test_what_is_no_string_is_shown_nowhere(make: Callable[..., Any], given: Any) -> None:
    with pytest.raises(ConfigError, match="credentials must be a string") as raised:
        make(credentials=given)
    check_hidden(raised.value)


@pytest.mark.parametrize("name", ["api_key", "key", "fal_key", "token"])
@pytest.mark.parametrize(
    "make",
    [
        *(AsyncStreamingClient, Config, AsyncStorageClient, create_async_streaming_client),
        lambda **settings: stream_async("acme/app", **settings),
    ],
)
def test_a_key_by_another_name_is_shown_nowhere(make: Callable[..., Any], name: str) -> None:
    settings: dict[str, Any] = {name: KEY}
    with pytest.raises(ConfigError, match=f"'{name}'") as raised:
        make(**settings)
    check_hidden(raised.value)


@pytest.mark.parametrize(
    "make", [AsyncStreamingClient, AsyncStorageClient, create_async_streaming_client]
)
def test_a_key_without_its_name_is_shown_nowhere(make: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="give a key by its name, credentials=") as raised:
        make(KEY)
    check_hidden(raised.value)


@pytest.mark.parametrize(
    "endpoint_id", [f"https://u:{KEY}@fal.run/a/b", f"https://fal.run/a/b?token={KEY}"]
)
async def test_an_address_for_an_endpoint_id_shows_no_secret(
    client: AsyncStreamingClient, endpoint_id: str
) -> None:
    with pytest.raises(ConfigError, match="an address goes into the url option") as raised:
        client.stream(endpoint_id)
    assert KEY not in str(raised.value)
    with pytest.raises(ConfigError, match="trusted_hosts must be a list") as refused:
        AsyncStreamingClient(trusted_hosts=[f"u:{KEY}@host"])
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("empty", ["", " ", "\n", "Key ", "Bearer", "Bearer \n"])
def test_an_empty_key(empty: str) -> None:
    with pytest.raises(ConfigError, match="credentials are empty"):
        AsyncStreamingClient(credentials=empty)


async def test_halves_of_a_key(fal: LocalFal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in zip(("FAL_KEY_ID", "FAL_KEY_SECRET"), KEY.split(":"), strict=True):
        monkeypatch.setenv(name, f" {text}\r\n")
    monkeypatch.setenv("FAL_KEY", " \n")
    async with AsyncStreamingClient(run_url=fal.url) as client:
        assert await client.stream("acme/app").done() == 1
        for name, text in zip(("FAL_KEY_ID", "FAL_KEY_SECRET"), KEY.split(":"), strict=True):
            monkeypatch.setenv(name, f'"{text}"')
        with pytest.raises(ConfigError, match="quotation mark") as raised:
            await client.stream("acme/app").done()
    check_hidden(raised.value)


async def test_blank_variables_are_no_key(fal: LocalFal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        monkeypatch.setenv(name, " \n")
    async with AsyncStreamingClient(run_url="https://fal.run") as client:
        with pytest.raises(ConfigError, match="No credentials"):
            await client.stream("acme/app").done()


@pytest.mark.parametrize("local", [KEY, [KEY], {KEY: 1}, {"a": (KEY,)}, KEY.encode()])
def test_the_search_finds_what_is_there(local: Any) -> None:
    code = "def refuse(given):\n    raise ValueError\nrefuse(local)"
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - it has no message
        exec(code, {"__name__": "elsewhere", "local": local})
    with pytest.raises(AssertionError):
        check_hidden(raised.value)
