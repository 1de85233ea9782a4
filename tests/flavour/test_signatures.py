"""The keywords that a person can read and complete are those that there are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import jedi
import pytest

import fal_stream
from fal_stream import (
    NOT_GIVEN,
    AsyncStorageClient,
    AsyncStreamingClient,
    Config,
    ConfigError,
    StorageClient,
    StreamingClient,
    StreamOptions,
    create_async_streaming_client,
    create_streaming_client,
)
from fal_stream._shared.options import OPTION_DEFAULTS
from fal_stream.config import ClientSettings

STREAMS: list[Callable[..., Any]] = [
    StreamingClient.stream,
    AsyncStreamingClient.stream,
    fal_stream.stream,
    fal_stream.stream_async,
]
MAPS: list[Callable[..., Any]] = [StreamingClient.stream_map, AsyncStreamingClient.stream_map]
STORAGES: list[Callable[..., Any]] = [StorageClient, AsyncStorageClient]
CLIENTS: list[Callable[..., Any]] = [
    StreamingClient,
    AsyncStreamingClient,
    create_streaming_client,
    create_async_streaming_client,
]


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD and name not in ("self", "endpoint_id")
    }


@pytest.mark.parametrize("function", STREAMS)
def test_the_keywords_of_a_stream(function: Callable[..., Any]) -> None:
    assert defaults(function) == {**OPTION_DEFAULTS, "output_type": None}
    assert next(iter(defaults(function))) == "input"
    parameters = inspect.signature(function).parameters
    kinds = {name: parameter.kind.name for name, parameter in parameters.items()}
    assert kinds["input"] == "POSITIONAL_OR_KEYWORD"
    assert kinds["output_type"] == kinds["timeout"] == "KEYWORD_ONLY"


@pytest.mark.parametrize("function", MAPS)
def test_the_keywords_of_a_map(function: Callable[..., Any]) -> None:
    own = {"concurrency": 8, "ordered": False, "output_type": None, "read": None}
    expected = {**OPTION_DEFAULTS, **own, "inputs": inspect.Parameter.empty}
    del expected["input"]
    assert defaults(function) == expected


@pytest.mark.parametrize("function", CLIENTS)
def test_the_keywords_of_a_client(function: Callable[..., Any]) -> None:
    own = {"config": None, "storage": None, "http_client": None}
    assert defaults(function) == own | dict.fromkeys(ClientSettings.__annotations__, NOT_GIVEN)


@pytest.mark.parametrize("function", STORAGES)
def test_the_keywords_of_a_storage_client(function: Callable[..., Any]) -> None:
    own = {"config": None, "http_client": None}
    assert defaults(function) == own | dict.fromkeys(ClientSettings.__annotations__, NOT_GIVEN)


def test_the_keywords_of_a_config() -> None:
    assert set(defaults(Config)) == set(ClientSettings.__annotations__)
    assert defaults(Config)["keepalive_expiry"] == 5.0


def described(function: Callable[..., Any]) -> dict[str, str]:
    """Give what the docstring says of each argument."""
    text = inspect.getdoc(function) or ""
    part = text.partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", part, re.MULTILINE)
    return {name: " ".join(said.split()) for name, said in found}


@pytest.mark.parametrize("function", [*STREAMS, *MAPS])
def test_each_option_is_described_everywhere(function: Callable[..., Any]) -> None:
    said = described(function)
    for name, meaning in described(StreamingClient.stream).items():
        if name not in ("input", "signal") or function in STREAMS:
            assert said[name] == meaning, name
    assert set(said) >= set(OPTION_DEFAULTS) - {"input"}


@pytest.mark.parametrize("function", [*CLIENTS, *STORAGES])
def test_each_setting_is_described_everywhere(function: Callable[..., Any]) -> None:
    said = described(function)
    client = described(StreamingClient)
    assert all(said[name] == client[name] for name in ClientSettings.__annotations__)


def test_there_are_no_other_options_and_settings() -> None:
    assert set(OPTION_DEFAULTS) == set(StreamOptions.__annotations__)
    assert set(ClientSettings.__annotations__) == set(Config.model_fields)


@pytest.mark.parametrize(
    ("code", "completed"),
    [
        ("client.stream('acme/app', inp", "input="),
        ("client.stream('acme/app', {}, timeo", "timeout="),
        ("aclient.stream('acme/app', pat", "path="),
        ("client.stream_map('acme/app', [], event", "event_timeout="),
        ("fal_stream.stream('acme/app', tot", "total_timeout="),
        ("fal_stream.StreamingClient(cred", "credentials="),
        ("fal_stream.AsyncStreamingClient(retr", "retry="),
        ("fal_stream.create_streaming_client(run", "run_url="),
        ("fal_stream.StorageClient(timeo", "timeout="),
        ("fal_stream.AsyncStorageClient(cred", "credentials="),
        ("fal_stream.Config(keep", "keepalive_expiry="),
    ],
)
def test_a_notebook_completes_them(code: str, completed: str) -> None:
    names = {
        "fal_stream": fal_stream,
        "client": StreamingClient(credentials="a:b"),
        "aclient": AsyncStreamingClient(credentials="a:b"),
    }
    found = jedi.Interpreter(code, [names]).complete()
    assert completed in [completion.name_with_symbols for completion in found]


@pytest.mark.parametrize("code", ["client.stream('acme/app', inp", "client.stream('a/b', timeo"])
def test_an_editor_completes_them(code: str) -> None:
    script = f"from fal_stream import StreamingClient\nclient = StreamingClient()\n{code}"
    found = jedi.Script(script).complete(3, len(code))
    assert {completion.name_with_symbols for completion in found} & {"input=", "timeout="}


def test_an_unknown_keyword_is_refused_with_the_one_that_was_meant() -> None:
    keywords: dict[str, Any] = {"timeot": 3}
    client = StreamingClient(credentials="a:b")
    for function in (client.stream, fal_stream.stream):
        with pytest.raises(ConfigError, match="Unknown option 'timeot'; did you mean 'timeout'"):
            function("acme/app", **keywords)
    with pytest.raises(ConfigError, match="Unknown option 'timeot'; did you mean 'timeout'"):
        client.stream_map("acme/app", [], **keywords)
    for function in (*CLIENTS, *STORAGES, Config):
        with pytest.raises(ConfigError, match="Unknown setting 'timeot'; did you mean 'timeout'"):
            function(**keywords)


def test_a_keyword_that_is_passed_on_as_not_given_is_left_out() -> None:
    client = StreamingClient(credentials="a:b", timeout=NOT_GIVEN)
    assert client.config.timeout == Config().timeout
    assert client.stream("acme/app", timeout=NOT_GIVEN).options == {}
    assert client.stream("acme/app", timeout=None).options == {"timeout": None}
    assert repr(NOT_GIVEN) == "NOT_GIVEN"
