"""Settings, credentials and tokens."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from fal_stream import ClientSettings, Config, ConfigError, RetryPolicy, Secret, Token
from fal_stream.credentials import credentials_from_environment

KEY = "key-id:key-secret"
VARIABLES = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_RUN_HOST", "FAL_STREAM_TIMEOUT")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_defaults() -> None:
    config = Config()
    assert config.credentials is None
    assert config.run_url == "https://fal.run"
    assert (config.start_timeout, config.timeout, config.event_timeout) == (300, 15, 300)
    assert config.total_timeout is None
    assert config.max_event_bytes == 64 * 1024 * 1024
    assert config.trusted_hosts == frozenset()
    assert config.headers == {}


@pytest.mark.parametrize(
    ("variable", "value", "setting", "expected"),
    [
        ("FAL_RUN_HOST", "fal.example.com", "run_url", "https://fal.example.com"),
        ("FAL_RUN_HOST", "http://127.0.0.1:8000/", "run_url", "http://127.0.0.1:8000"),
        ("FAL_RUN_HOST", "", "run_url", "https://fal.run"),
        ("FAL_STREAM_TIMEOUT", "2.5", "timeout", 2.5),
        ("FAL_STREAM_TIMEOUT", "none", "timeout", None),
        ("FAL_STREAM_TIMEOUT", "", "timeout", 15),
        ("FAL_STREAM_EVENT_TIMEOUT", "7", "event_timeout", 7),
        ("FAL_STREAM_START_TIMEOUT", "8", "start_timeout", 8),
    ],
)
def test_the_environment_gives_defaults(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, setting: str, expected: Any
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(Config(), setting) == expected


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_STREAM_TIMEOUT", "junk")
    assert Config(timeout=3).timeout == 3


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FAL_STREAM_TIMEOUT", "soon"),
        ("FAL_STREAM_TIMEOUT", "-1"),
        ("FAL_STREAM_EVENT_TIMEOUT", "0"),
        ("FAL_STREAM_START_TIMEOUT", "inf"),
        ("FAL_RUN_HOST", "a b"),
        ("FAL_RUN_HOST", "user:word@host"),
    ],
)
def test_a_bad_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable):
        Config()


def test_retry_may_be_a_number() -> None:
    assert Config(retry=5).retry == RetryPolicy(max_retries=5)
    assert Config(retry=0).retry == RetryPolicy(max_retries=0)
    assert Config(retry=None).retry is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"timeot": 3}, "Unknown setting 'timeot'; did you mean 'timeout'?"),
        ({"api_key": "x"}, "Unknown setting 'api_key'; did you mean 'credentials'?"),
        ({"xyz": 3}, "Unknown setting 'xyz'; there are: credentials, "),
        ({"timeout": 0}, "timeout=0 is not a time limit: give seconds above 0, or None"),
        ({"event_timeout": -1.5}, "event_timeout=-1.5 is not a time limit"),
        ({"start_timeout": float("inf")}, "start_timeout=inf is not a time limit"),
        ({"total_timeout": float("nan")}, "total_timeout=nan is not a time limit"),
        ({"timeout": "5"}, "timeout='5' is not a time limit"),
        ({"timeout": True}, "timeout=True is not a time limit"),
        ({"max_event_bytes": 0}, "max_event_bytes=0 must be a whole number, 1 or more"),
        ({"max_event_bytes": 1.5}, "max_event_bytes=1.5 must be a whole number, 1 or more"),
        ({"run_url": "fal.run"}, "run_url='fal.run' is not an http or https address"),
        ({"run_url": "ftp://fal.run"}, "run_url='ftp://fal.run' is not an http"),
        ({"run_url": "https://fal.run/\r\nx: y"}, "run_url="),
        ({"run_url": "https://fal.run\\@evil"}, "run_url="),
        ({"run_url": "https://fal.run:99999"}, "run_url='https://fal.run:99999' is not an address"),
        ({"run_url": "https://fal.run?x=1"}, "run_url has a query or a fragment"),
        ({"run_url": "https://me:word@fal.run"}, "run_url has a user or password"),
        ({"run_url": 3}, "run_url=3 is not an address"),
        ({"trusted_hosts": "a.com"}, "trusted_hosts='a.com' must be a list of host names"),
        ({"trusted_hosts": ["https://a.com"]}, "must be a list of host names"),
        ({"trusted_hosts": [3]}, "must be a list of host names"),
        ({"headers": ["x"]}, "headers must be a mapping"),
        (
            {"headers": {"a b": "c"}},
            "headers has a name that begins with 'a' which is not",
        ),
        ({"headers": {"a": "b\r\nc: d"}}, "headers['a'] must be a string of printable ASCII"),
        ({"headers": {"a": 3}}, "headers['a'] must be a string"),
        ({"credentials": ""}, "credentials are empty"),
        ({"retry": -1}, "retry=-1 must be a RetryPolicy, the number of retries, 0 or more, or"),
        ({"retry": True}, "retry=True must be a RetryPolicy, the number of retries, 0 or more"),
        ({"retry": 1.5}, "retry=1.5 must be a RetryPolicy"),
        ({"retry": "3"}, "retry='3' must be a RetryPolicy"),
        ({"credentials": 3}, "credentials must be a string, not int"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_the_way_out(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Config(**settings)


@pytest.mark.parametrize(
    "credentials",
    [
        f"{KEY}\r\nx: y",
        f"x {KEY}",
        f'"{KEY}"',
        f"Bearer {KEY} x",
        "Bearer ",
        "schlüssel:geheim",
        f"{KEY}\0",
    ],
)
def test_credentials_that_cannot_be_a_key_are_refused_and_not_shown(credentials: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(credentials=credentials)
    assert "key-secret" not in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_password_in_an_address_is_not_shown() -> None:
    for url in ("https://me:word@fal.run", "https://me:word@fal.run:x", "https://me:w ord@fal.run"):
        with pytest.raises(ConfigError) as caught:
            Config(run_url=url)
        assert "word" not in str(caught.value).replace("or password", "")
        assert "ord@" not in str(caught.value)


def test_credentials_are_masked() -> None:
    config = Config(credentials=KEY, headers={"authorization": "Key other-secret"})
    for text in (repr(config), str(config), f"{config.credentials}"):
        assert "secret" not in text.replace("Secret(", "")
    assert isinstance(config.credentials, Secret)
    assert config.credentials.reveal() == KEY


def test_settings_cannot_be_changed() -> None:
    config = Config()
    with pytest.raises(ValueError, match="frozen"):
        config.timeout = 3


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"FAL_KEY": KEY}, KEY),
        ({"FAL_KEY_ID": "i", "FAL_KEY_SECRET": "s"}, "i:s"),
        ({"FAL_KEY": "", "FAL_KEY_ID": "i", "FAL_KEY_SECRET": "s"}, "i:s"),
        ({"FAL_KEY": KEY, "FAL_KEY_ID": "i", "FAL_KEY_SECRET": "s"}, KEY),
        ({"FAL_KEY_ID": "i"}, None),
        ({"FAL_KEY_SECRET": "s"}, None),
        ({"FAL_KEY": f" Key {KEY}\n"}, KEY),
        ({"FAL_KEY": " \n", "FAL_KEY_ID": " i", "FAL_KEY_SECRET": "s\n"}, "i:s"),
        ({"FAL_KEY_ID": "i", "FAL_KEY_SECRET": " "}, None),
    ],
)
def test_credentials_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = credentials_from_environment()
    assert (found and found.reveal()) == expected


@pytest.mark.parametrize("variable", ["FAL_KEY_ID", "FAL_KEY_SECRET"])
@pytest.mark.parametrize("has_other", [True, False])
def test_a_whole_key_in_the_variable_of_a_half(
    monkeypatch: pytest.MonkeyPatch, variable: str, has_other: bool
) -> None:
    if has_other:
        monkeypatch.setenv("FAL_KEY_ID", "i")
        monkeypatch.setenv("FAL_KEY_SECRET", "s")
    monkeypatch.setenv(variable, f" {KEY}\n")
    with pytest.raises(ConfigError, match=f"{variable} has a colon in it") as caught:
        credentials_from_environment()
    assert not any(part in str(caught.value) for part in KEY.split(":"))
    monkeypatch.setenv("FAL_KEY", "k:s")
    found = credentials_from_environment()
    assert found
    assert found.reveal() == "k:s"


def test_bad_credentials_of_the_environment_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "my secret")
    with pytest.raises(ConfigError, match="not shown") as caught:
        credentials_from_environment()
    assert "my secret" not in str(caught.value)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(KEY)
    assert repr(secret) == str(secret) == "Secret('***')"
    assert secret.reveal() == KEY
    assert secret == Secret(KEY)
    assert len({secret, Secret(KEY), Secret("x")}) == 2
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(secret)


def test_a_token_ends() -> None:
    token = Token.issued("jwt", now=100.0, lifetime=120.0)
    assert token.secret.reveal() == "jwt"
    assert token.expires_at == 220.0
    assert token.is_fresh(219.9)
    assert not token.is_fresh(220.0)
    assert token.is_fresh(209.9, margin=10)
    assert not token.is_fresh(210.0, margin=10)
    assert "jwt" not in repr(token)


def test_the_typed_settings_are_the_settings() -> None:
    assert set(ClientSettings.__annotations__) == set(Config.model_fields)
