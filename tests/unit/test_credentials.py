"""What holds a key or a token: whatever copies, prints or stores it, the value stays hidden."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import pickle
import pprint
from collections.abc import Callable
from typing import Any

import pytest

from fal_stream import (
    AsyncStreamingClient,
    Config,
    ConfigError,
    ProxyUrlConfig,
    Secret,
    StreamingClient,
    Token,
)
from fal_stream._shared.prepared_request import PreparedRequest
from fal_stream._shared.prepared_stream import prepare_stream
from fal_stream._shared.upload_protocol import UploadTarget
from fal_stream.middleware import RequestConfig

KEY = "0f5e3c1d-key-id:8b1d~secret.of-the_key"
SECRET = KEY.partition(":")[2]


class Vault:
    """Shows what it holds, as many classes do."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"Vault({self.key})"

    def give(self) -> str:
        return self.key

    def change(self, request: RequestConfig) -> RequestConfig:
        return request


HOLDERS: dict[str, Any] = {
    "secret": Secret(KEY),
    "token": Token.issued(KEY, now=1.0, lifetime=2.0),
    "config": Config(credentials=KEY, headers={"authorization": f"Key {KEY}"}),
    "config of a partial": Config(credentials=functools.partial(str, KEY)),
    "config of a method": Config(credentials=Vault(KEY).give, request_middleware=Vault(KEY).change),
    "proxy": ProxyUrlConfig(f"https://proxy.example/?token={KEY}"),
    "config with a proxy": Config(proxy_url=f"https://proxy.example/?token={KEY}"),
    "middleware's request": RequestConfig("GET", f"https://fal.run/?token={KEY}", {"x": KEY}),
    "request": PreparedRequest(
        "GET", f"https://fal.run/?token={KEY}", {"authorization": f"Key {KEY}"}
    ),
    "upload": UploadTarget(f"https://fal.media/x?signature={KEY}", "https://fal.media/x"),
    "plan": prepare_stream(
        Config(credentials=KEY),
        "acme/app",
        {
            "headers": {"authorization": f"Key {KEY}"},
            "query_params": {"token": KEY},
            "connection_mode": "client",
            "token_provider": functools.partial(max, KEY),
        },
    ),
    "client": StreamingClient(credentials=KEY),
    "asyncio client": AsyncStreamingClient(credentials=KEY),
    "stream": StreamingClient(credentials=KEY).stream("acme/app", query_params={"token": KEY}),
}

SHOWN: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "format": lambda holder: f"{holder}",
    "percent": lambda holder: "%s %r" % (holder, holder),  # noqa: UP031
    "in a list": lambda holder: str([holder]),
    "pprint": pprint.pformat,
    "json": lambda holder: json.dumps(holder, default=str),
}


@pytest.mark.parametrize("way", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_nothing_shows_what_is_held(holder: Any, way: Callable[[Any], object]) -> None:
    assert SECRET not in str(way(holder))


# Functions of the user's are pickled as they wish.
NOT_PICKLED = ["secret", "token", "config", "config with a proxy", "request", "upload", "plan"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", [*NOT_PICKLED, "stream"])
def test_no_pickle_holds_it(name: str, protocol: int) -> None:
    refusal = ConfigError if name == "stream" else TypeError
    with pytest.raises(refusal) as caught:
        pickle.dumps(HOLDERS[name], protocol)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["client", "asyncio client"])
def test_the_pickle_of_a_client_does_without(name: str, protocol: int) -> None:
    data = pickle.dumps(HOLDERS[name], protocol)
    assert SECRET.encode() not in data
    assert pickle.loads(data).config.credentials is None


@pytest.mark.parametrize("name", NOT_PICKLED)
def test_what_refuses_says_what_to_do(name: str) -> None:
    with pytest.raises(TypeError, match=r"can't be pickled.*: .*(again|key|new one)"):
        pickle.dumps(HOLDERS[name])


@pytest.mark.parametrize("ask", ["__reduce__", "__getstate__"])
def test_no_serializer_gets_the_state_of_a_secret(ask: str) -> None:
    with pytest.raises(TypeError, match="can't be pickled"):
        getattr(Secret(KEY), ask)()
    with pytest.raises(TypeError, match="__dict__"):
        vars(Secret(KEY))
    with pytest.raises(TypeError, match="serializable"):
        json.dumps(Secret(KEY))


def test_a_config_looks_its_key_up_anew_on_the_other_side() -> None:
    config = Config(credentials=KEY, timeout=7, headers={"x-team": "images"})
    data = pickle.dumps(config)
    assert SECRET.encode() not in data
    other = pickle.loads(data)
    assert isinstance(other, Config)
    assert other.credentials is None
    assert other.timeout == 7
    assert other == Config(timeout=7, headers={"x-team": "images"})
    # The one that was pickled has lost nothing.
    assert config.credentials == Secret(KEY)


def test_a_function_of_credentials_goes_along() -> None:
    assert pickle.loads(pickle.dumps(Config(credentials=look_up))).credentials is look_up


def look_up() -> str:
    return KEY


def test_copies_keep_the_key() -> None:
    config = Config(credentials=KEY, headers={"authorization": f"Key {KEY}"})
    for copied in (
        copy.copy(config),
        copy.deepcopy(config),
        config.model_copy(),
        config.model_copy(deep=True),
    ):
        assert copied == config
        assert copied.credentials == Secret(KEY)
        assert SECRET not in repr(copied)
    given = dataclasses.asdict(Token.issued(KEY, now=1.0, lifetime=2.0))
    assert given["secret"] == Secret(KEY)
    assert SECRET not in repr(given)


def test_a_dump_of_settings_holds_the_holder() -> None:
    config = Config(credentials=KEY)
    assert config.model_dump()["credentials"] == Secret(KEY)
    assert SECRET not in repr(config.model_dump())
    assert SECRET not in json.dumps(config.model_dump(), default=str)
    for way in (config.model_dump_json, functools.partial(config.model_dump, mode="json")):
        with pytest.raises(ValueError, match="serialize") as caught:
            way()
        assert SECRET not in str(caught.value)


def test_pydantic_does_not_show_what_was_given() -> None:
    bad: list[dict[str, Any]] = [
        {"credentials": [KEY]},
        {"headers": KEY},
        {"headers": {"a": [KEY]}},
    ]
    for settings in bad:
        for act in (functools.partial(Config, **settings), functools.partial(change, settings)):
            with pytest.raises(ConfigError) as caught:
                act()
            error = caught.value
            assert SECRET not in f"{error}{error!r}{error.args}"
            assert error.__cause__ is error.__context__ is None


def change(settings: dict[str, Any]) -> None:
    config = Config()
    for name, value in settings.items():
        setattr(config, name, value)


def test_a_key_that_went_past_the_checks_is_not_shown() -> None:
    for config in (
        Config().model_copy(update={"credentials": KEY}),
        Config.model_construct(credentials=KEY),
    ):
        assert SECRET not in repr(config)
        assert SECRET.encode() not in pickle.dumps(config)
