"""Keys as people have them, from wherever they come; and what shows one that is refused."""

from __future__ import annotations

import functools
import json
import re
import traceback
import types
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from fal_stream import (
    AsyncStorageClient,
    AsyncStreamingClient,
    Config,
    ConfigError,
    Secret,
    StreamConnectionError,
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
        ("<{}>", "are a placeholder"),
        ("${{{}}}", "are a placeholder"),
        ("{{{{{}}}}}", "are a placeholder"),
        ("{},", "end with a comma or semicolon"),
        ("{};", "end with a comma or semicolon"),
        ("id:'{}'", "quotation mark"),
        ('id":"{}', "quotation mark"),
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


def check_hidden(error: BaseException, parts: Collection[str] = PARTS) -> None:
    texts = list(texts_in_frames(error))
    assert texts
    assert [place for place, text in texts if any(part in text for part in parts)] == []
    ours = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = [line for line in ours.format() if "/tests/" not in line]
    assert shown
    assert not any(part in line for part in parts for line in shown)
    assert not any(part in str(error) for part in parts)


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
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (KEY, "give a key by its name, credentials="),
        (KEY.encode(), "give a key by its name, credentials="),
        ({"credentials": KEY}, "config is of type dict, not Config"),
        ([KEY], "config is of type list, not Config"),
        (("credentials", KEY), "config is of type tuple, not Config"),
        (bytearray(KEY, "ascii"), "config is of type bytearray, not Config"),
        (types.SimpleNamespace(credentials=KEY), "config is of type SimpleNamespace, not Config"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_key_without_its_name_is_shown_nowhere(
    make: Callable[..., Any], given: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        make(given)
    check_hidden(raised.value)


async def test_an_argument_too_many_is_shown_nowhere(client: AsyncStreamingClient) -> None:
    many: list[tuple[Callable[..., Any], list[Any]]] = [
        (Config, []),
        (AsyncStreamingClient, [None]),
        (AsyncStorageClient, [None]),
        (create_async_streaming_client, [None]),
        (stream_async, ["acme/app", None]),
        (client.stream, ["acme/app", None]),
        (client.stream_map, ["acme/app", []]),
    ]
    for make, arguments in many:
        with pytest.raises(TypeError, match=r"positional arguments? but") as raised:
            make(*arguments, KEY)
        check_hidden(raised.value)


REFUSED_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"headers": {"Authorization": f"Key {KEY}\n"}}, "its value is not shown here"),
    ({"headers": {"x-api-key": KEY.encode()}}, "its value is not shown here"),
    ({"headers": {f"x key: {KEY}": "a"}}, "has a name that begins with 'x' which is not"),
    ({"headers": {f"{KEY} ": "a"}}, "has a name which is not a header name"),
    ({"headers": {f"x-api-key: {KEY}": "a"}}, "has a name that begins with 'x-api-key' which"),
    ({"headers": [("x-api-key", KEY)]}, "headers must be a mapping"),
    ({"headers": f"x-api-key: {KEY}"}, "headers must be a mapping"),
    ({"headers": {"x-api-key": KEY}, "timeout": -1}, "timeout=-1 is not a time limit"),
]
REFUSED_ADDRESSES: list[tuple[dict[str, Any], str]] = [
    ({"run_url": f"https://user:{KEY}@h"}, "has a user or password"),
    ({"run_url": f"user:{KEY}@h"}, "run_url='h' is not"),
    ({"run_url": f"https://h/?token={KEY}"}, "run_url has a query or a fragment"),
    ({"rest_url": f"https://user:{KEY}@h:x"}, "rest_url='h:x' is not an address"),
    ({"proxy_url": f"https://user:{KEY}@h/"}, "has a user or password"),
    ({"proxy_url": f"ht tp://user:{KEY}@h/?key={KEY}"}, "proxy_url='h/' is not"),
    ({"trusted_hosts": [f"user:{KEY}@h"]}, "trusted_hosts must be a list"),
    ({"proxy_url": f"https://h/?key={KEY}", "retry": -1}, "retry=-1 must be"),
]


@pytest.mark.parametrize(
    "make", [AsyncStreamingClient, Config, AsyncStorageClient, create_async_streaming_client]
)
@pytest.mark.parametrize(("given", "message"), REFUSED_SETTINGS + REFUSED_ADDRESSES)
def test_a_secret_in_refused_settings_is_shown_nowhere(
    make: Callable[..., Any], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        make(**given)
    check_hidden(raised.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        *REFUSED_SETTINGS,
        ({"url": f"https://user:{KEY}@fal.run/x"}, "has a user or password"),
        ({"url": f"fal.run/x?token={KEY}"}, "url='fal.run/x' is not"),
        ({"url": f"https://fal.run/x?token={KEY}", "priority": "high"}, "priority='high'"),
        ({"token_provider": KEY, "connection_mode": "client"}, "token_provider is a str: give"),
        ({"token_provider": [KEY], "connection_mode": "client"}, "token_provider is a list: giv"),
        ({"query_params": f"token={KEY}"}, "query_params must be a mapping"),
        ({"query_params": {"token": KEY, "x": None}}, "must be a string, a number or a boolean"),
        ({"path": f"/x?token={KEY}"}, "a query goes into the query_params option"),
        ({"signal": 1, "query_params": {"token": KEY}}, "signal=1 is not an AbortSignal"),
    ],
)
async def test_a_secret_in_refused_options_is_shown_nowhere(
    client: AsyncStreamingClient, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        client.stream("acme/app", **given)
    check_hidden(raised.value)
    with pytest.raises(ConfigError, match=message) as raised:
        client.stream_map("acme/app", [{}], **given)
    check_hidden(raised.value)


async def test_what_a_user_raises_keeps_its_traceback(client: AsyncStreamingClient) -> None:
    class Mine:
        def __str__(self) -> str:
            raise TypeError("of the user's own")

    named: Any = {Mine(): 1}
    with pytest.raises(TypeError, match="of the user's own") as raised:
        client.stream("acme/app", query_params=named)
    assert raised.traceback[-1].name == "__str__"


@pytest.mark.parametrize("variable", ["https_proxy", "all_proxy"])
@pytest.mark.parametrize(
    "form",
    [
        *("http://user:{}@127.0.0.1:99999", "ftp://user:{}@h", "http://user:{}#@h:1"),
        *("http://user:a/{}@h:1", "http://user:{}@[::1", "http://us%:{}@h:abc"),
        *("http://user:{}@127.0.0.1:1", "socks5://user:{}@127.0.0.1:1", "user:{}@127.0.0.1:1"),
    ],
)
async def test_the_password_of_a_proxy_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, variable: str, form: str
) -> None:
    monkeypatch.setenv(variable, form.format("8b1d-hunter2-secret"))
    run_url = "https://198.51.100.1:9"
    async with AsyncStreamingClient(
        run_url=run_url, trusted_hosts=["198.51.100.1"], credentials="a:b", retry=None
    ) as client:
        with pytest.raises((ConfigError, StreamConnectionError)) as raised:
            await client.stream("acme/app").done()
    check_hidden(raised.value)


async def test_a_token_in_the_address_is_shown_nowhere() -> None:
    # Port 1 refuses.
    async with AsyncStreamingClient(
        run_url="http://127.0.0.1:1", credentials="a:b", retry=None
    ) as client:
        given: list[dict[str, Any]] = [
            {"connection_mode": "client", "token_provider": lambda app: PARTS[0]},
            {"url": f"http://127.0.0.1:1/x?key={PARTS[0]}"},
            {"query_params": {"session_id": PARTS[0]}},
        ]
        for options in given:
            stream = client.stream("acme/app", **options)
            with pytest.raises(StreamConnectionError) as raised:
                await stream.done()
            shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
            lines = [line for line in shown.format() if "/tests/" not in line]
            assert lines
            assert not any(PARTS[0] in line for line in lines)


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


UUID_KEY = "0f5e3c1d-1111-4222-8333-123456789abc:8b1d0123456789abcdef0123456789ab"


@pytest.mark.parametrize("given", [UUID_KEY, [UUID_KEY], {"a": UUID_KEY}, UUID_KEY.encode()])
async def test_a_key_as_another_argument_is_shown_nowhere(
    client: AsyncStreamingClient, given: Any
) -> None:
    calls: list[Callable[[], Any]] = [lambda: client.stream(given)]
    for name in ("priority", "method", "timeout", "total_timeout", "url", "signal", "is_final"):
        calls.append(functools.partial(client.stream, "acme/app", **{name: given}))
        calls.append(functools.partial(client.stream_map, "acme/app", [{}], **{name: given}))
    for name in ("run_url", "rest_url", "proxy_url", "timeout", "retry", "max_event_bytes"):
        options: Any = {name: given}
        calls += [
            functools.partial(AsyncStreamingClient, **options),
            functools.partial(AsyncStorageClient, **options),
            functools.partial(Config, **options),
            functools.partial(Config.model_validate, options),
        ]
    for name in ("trusted_hosts", "request_middleware"):
        unfit: Any = {name: {"a": given}}
        calls.append(functools.partial(AsyncStreamingClient, **unfit))
    for call in calls:
        with pytest.raises(ConfigError) as raised:
            call()
        check_hidden(raised.value, UUID_KEY.partition(":")[2:])


@pytest.mark.parametrize("name", ["FAL_RUN_HOST", "FAL_REST_HOST", "FAL_STREAM_TIMEOUT"])
@pytest.mark.parametrize("make", [AsyncStreamingClient, Config, AsyncStorageClient])
def test_a_key_in_another_variable_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any], name: str
) -> None:
    monkeypatch.setenv(name, UUID_KEY)
    with pytest.raises(ConfigError, match=name) as raised:
        make()
    check_hidden(raised.value, UUID_KEY.partition(":")[2:])


REFUSED_BY_VALIDATION: list[tuple[dict[str, Any], str]] = [
    ({"credentials": f'"{KEY}"'}, "quotation mark"),
    ({"credentials": [KEY]}, "credentials must be a string, not list"),
    ({"credentials": KEY, "timeout": -1}, "timeout=-1 is not a time limit"),
    ({"headers": {"x-api-key": f"{KEY}\n"}}, "its value is not shown here"),
    ({"api_key": KEY}, "Unknown setting 'api_key'; did you mean 'credentials'?"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED_BY_VALIDATION)
def test_a_config_that_is_validated_shows_no_secret(given: dict[str, Any], message: str) -> None:
    for call in (
        functools.partial(Config.model_validate, given),
        functools.partial(Config.model_validate_json, json.dumps(given)),
        functools.partial(Config.model_validate, given, strict=True),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)) as raised:
            call()
        check_hidden(raised.value)
    unfit: list[Callable[[], Any]] = [
        functools.partial(Config.model_validate, KEY),
        functools.partial(Config.model_validate_json, f'{{"credentials": "{KEY}'),
        functools.partial(Config.model_validate_json, json.dumps([KEY])),
        functools.partial(Config.model_validate_strings, {"credentials": f"{KEY} x"}),
    ]
    for refused in unfit:
        with pytest.raises(ConfigError) as raised:
            refused()
        check_hidden(raised.value)


async def test_a_config_that_is_validated_is_used(fal: LocalFal) -> None:
    settings = {"credentials": f"Key {KEY}\n", "run_url": fal.url}
    for config in (
        Config.model_validate(settings),
        Config.model_validate_json(json.dumps(settings)),
        Config.model_validate_strings(settings),
    ):
        async with AsyncStreamingClient(config) as client:
            assert await client.stream("acme/app").done() == 1


async def test_a_whole_key_in_the_variable_of_its_id(
    fal: LocalFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", "")
    monkeypatch.setenv("FAL_KEY_ID", KEY)
    async with AsyncStreamingClient(run_url=fal.url) as client:
        with pytest.raises(ConfigError, match="FAL_KEY_ID has a colon in it") as raised:
            await client.stream("acme/app").done()
    assert fal.requests == []
    check_hidden(raised.value)


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
