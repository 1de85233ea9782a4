"""Settings of a client; what is not given is read from the environment when a `Config` is made."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, cast

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import TypedDict, Unpack

from . import _checks
from .credentials import (
    CredentialsFunction,
    Secret,
    check_credentials,
    hidden,
    hide_secrets,
    is_secret_name,
)
from .errors import ConfigError
from .middleware import ProxyUrlConfig, RequestMiddleware, check_request_headers
from .retry import RetryPolicy
from .types import StreamOptions

DEFAULT_RUN_URL = "https://fal.run"
DEFAULT_REST_URL = "https://rest.fal.ai"
DEFAULT_TIMEOUT = 15.0
DEFAULT_EVENT_TIMEOUT = 300.0
DEFAULT_START_TIMEOUT = 300.0
DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024
DEFAULT_KEEPALIVE_EXPIRY = 5.0
DEFAULT_TOKEN_LIFETIME = 120.0

_VARIABLES = {
    "timeout": "FAL_STREAM_TIMEOUT",
    "event_timeout": "FAL_STREAM_EVENT_TIMEOUT",
    "start_timeout": "FAL_STREAM_START_TIMEOUT",
}
_TIMES = (*_VARIABLES, "total_timeout", "token_lifetime", "keepalive_expiry")

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")

_OTHER_NAMES = {
    "key": "credentials",
    "api_key": "credentials",
    "base_url": "run_url",
    "max_retries": "retry",
    "retries": "retry",
    "middleware": "request_middleware",
    "proxy": "proxy_url",
}


def _seconds_from(variable: str, default: float) -> Callable[[], float | None]:
    def read() -> float | None:
        text = os.environ.get(variable, "").strip()
        if not text:
            return default
        if text.lower() == "none":
            return None
        try:
            return _checks.check_seconds(variable, float(text))
        except ValueError:
            raise ConfigError(
                f"The environment variable {variable} is {text!r}: "
                "set it to seconds above 0, or to none for no limit"
            ) from None

    return read


def _url_from(variable: str, default: str) -> Callable[[], str]:
    def read() -> str:
        host = os.environ.get(variable, "").strip()
        if not host:
            return default
        return _checked_base_url(variable, host if "://" in host else f"https://{host}")

    return read


def _checked_base_url(name: str, value: object) -> str:
    parts = _checks.check_url(name, value)
    if parts.query or parts.fragment:
        raise ConfigError(f"{name} has a query or a fragment: give scheme, host and path only")
    return parts.geturl().rstrip("/")


_ELSEWHERE = {
    "the client's own arguments, beside its settings": ("http_client", "storage"),
    "the options of stream()": StreamOptions.__annotations__,
}


class ClientSettings(TypedDict, total=False):
    """The settings of a client by name; see `Config`."""

    credentials: str | Secret | CredentialsFunction | None
    run_url: str
    rest_url: str
    trusted_hosts: Collection[str]
    proxy_url: str | ProxyUrlConfig | None
    request_middleware: RequestMiddleware | Sequence[RequestMiddleware] | None
    retry: RetryPolicy | int | None
    token_lifetime: float
    keepalive_expiry: float
    timeout: float | None
    event_timeout: float | None
    start_timeout: float | None
    total_timeout: float | None
    max_event_bytes: int
    headers: Mapping[str, str]


class Config(BaseModel):
    """The settings of a client.

    Times are seconds that the stream waits for its server; None switches a limit off.

    A pickle holds no key: where it is read, the key is looked up in the environment, unless
    `credentials` is a function. Headers that prove who sends them are not pickled (TypeError).

    Attributes:
        credentials: fal's key, or a function that gives it each time; what begins with `Bearer `,
            the token of a login by `fal auth login`, is sent as it is. Blanks and line ends
            around it, and `Key ` before it, are taken off. None (the default): from the
            environment, `FAL_KEY`, else `FAL_KEY_ID` and `FAL_KEY_SECRET`.
        run_url: Where the apps run. Default: https://fal.run, or the host of `FAL_RUN_HOST`.
        rest_url: Where files are uploaded and tokens are asked for. Default: https://rest.fal.ai,
            or the host of `FAL_REST_HOST`.
        trusted_hosts: Hosts besides fal's own that get the key, over https. Default: none.
        proxy_url: A proxy of fal's kind that requests go through, as its address or as a
            `ProxyUrlConfig`; it is sent no key unless that says so. Default: none.
        request_middleware: Functions that change each request on its way out, in this order and
            before the proxy; a single one may stand without a list. Default: none.
        retry: When a request is sent again, a `RetryPolicy`; a number is its `max_retries`, None
            is never. Default: `RetryPolicy()`, which is 3.
        token_lifetime: How many seconds a token for the connection mode `client` can be used.
            fal is asked for one of that lifetime, and a token of a `token_provider` is taken to
            have it. Default: 120.
        keepalive_expiry: How many seconds an idle connection is kept for the next stream; 0 to
            close it at once. Default: 5.
        timeout: Between two signs of life of a running stream, keep-alives included; a tenth more
            is waited, at most 1.5. Default: `FAL_STREAM_TIMEOUT`, else 15 from the first chunk on,
            and None for workflows. One that is given holds from the response headers on.
        event_timeout: Between two chunks, whatever the signs of life. Default:
            `FAL_STREAM_EVENT_TIMEOUT`, else 300, and 3,600 for workflows.
        start_timeout: Until the response headers are there, connecting included. Default: 300,
            or `FAL_STREAM_START_TIMEOUT`.
        total_timeout: For the whole stream. Default: None.
        max_event_bytes: How large one event may be, in bytes. Default: 64 MiB.
        headers: Sent with each request. Default: none.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    credentials: Secret | CredentialsFunction | None = None
    run_url: str = Field(default_factory=_url_from("FAL_RUN_HOST", DEFAULT_RUN_URL))
    rest_url: str = Field(default_factory=_url_from("FAL_REST_HOST", DEFAULT_REST_URL))
    trusted_hosts: frozenset[str] = frozenset()
    proxy_url: ProxyUrlConfig | None = None
    request_middleware: tuple[RequestMiddleware, ...] = ()
    retry: RetryPolicy | None = Field(default_factory=RetryPolicy)
    token_lifetime: float = DEFAULT_TOKEN_LIFETIME
    keepalive_expiry: float = DEFAULT_KEEPALIVE_EXPIRY
    timeout: float | None = Field(
        default_factory=_seconds_from(_VARIABLES["timeout"], DEFAULT_TIMEOUT)
    )
    event_timeout: float | None = Field(
        default_factory=_seconds_from(_VARIABLES["event_timeout"], DEFAULT_EVENT_TIMEOUT)
    )
    start_timeout: float | None = Field(
        default_factory=_seconds_from(_VARIABLES["start_timeout"], DEFAULT_START_TIMEOUT)
    )
    total_timeout: float | None = None
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES
    headers: Mapping[str, str] = Field(default_factory=dict, repr=False)

    def __init__(self, **settings: Unpack[ClientSettings]) -> None:
        """Check and keep the settings; see the class for each of them.

        Args:
            **settings: The settings by name; one that is left out has its default.

        Raises:
            ConfigError: A setting is unknown or has a value that can't be used.
        """
        hide_secrets(cast("dict[str, Any]", settings))
        self._check(settings)
        _warn_of_long_times(self)

    def _check(self, settings: Mapping[str, Any]) -> None:
        _checks.check_known("setting", settings, type(self).model_fields, _OTHER_NAMES, _ELSEWHERE)
        try:
            super().__init__(**settings)
        except pydantic.ValidationError as error:
            cause = error.errors()[0].get("ctx", {}).get("error")
            failure = cause if isinstance(cause, ConfigError) else ConfigError(str(error))
        else:
            return
        raise failure

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        if not hasattr(self, "__pydantic_fields_set__"):
            return  # a setting was refused
        for name, value in super().__repr_args__():
            # What a `partial` or a method of an object shows of itself may be a secret.
            if name == "credentials" and value is not None and not isinstance(value, Secret):
                yield name, type(value)
            elif name == "request_middleware":
                yield name, tuple(type(function) for function in self.request_middleware)
            else:
                yield name, value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        # pydantic's own error would show the value.
        raise ConfigError(f"A Config is frozen: make a new one instead of setting {name}")

    def __getstate__(self) -> dict[Any, Any]:
        secret = sorted(filter(is_secret_name, self.headers))
        if secret:
            raise TypeError(
                f"A Config with the header {secret[0]!r} is not pickled: make it without, and give "
                "the header anew on the other side"
            )
        state = super().__getstate__()
        if callable(self.credentials):
            return state
        return {
            **state,
            "__dict__": {**state["__dict__"], "credentials": None},
            "__pydantic_fields_set__": state["__pydantic_fields_set__"] - {"credentials"},
        }

    @field_validator("credentials", mode="before")
    @classmethod
    def _check_credentials(cls, value: object) -> object:
        value = hidden(value)
        return check_credentials(value) if isinstance(value, Secret) else value

    @field_validator("run_url", "rest_url", mode="before")
    @classmethod
    def _check_url(cls, value: object, info: pydantic.ValidationInfo) -> str:
        return _checked_base_url(str(info.field_name), value)

    @field_validator("proxy_url", mode="before")
    @classmethod
    def _check_proxy_url(cls, value: Any) -> ProxyUrlConfig | None:
        if value is None or isinstance(value, ProxyUrlConfig):
            return value
        return ProxyUrlConfig(value)

    @field_validator("request_middleware", mode="before")
    @classmethod
    def _check_middleware(cls, value: Any) -> tuple[Any, ...]:
        if value is None:
            return ()
        functions = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        for function in functions:
            if not callable(function):
                raise ConfigError(
                    f"request_middleware={_checks.shown(function)} can't be called: give a "
                    "function of a RequestConfig that returns one, or a list of them"
                )
        return functions

    @field_validator("retry", mode="before")
    @classmethod
    def _check_retry(cls, value: object) -> RetryPolicy | None:
        if value is None or isinstance(value, RetryPolicy):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return RetryPolicy(max_retries=value)
        raise ConfigError(
            f"retry={_checks.shown(value)} must be a RetryPolicy, the number of retries, 0 or "
            "more, or None for none"
        )

    @field_validator("token_lifetime", mode="before")
    @classmethod
    def _check_token_lifetime(cls, value: object) -> float:
        return _checks.check_number("token_lifetime", value, 1.0)

    @field_validator("keepalive_expiry", mode="before")
    @classmethod
    def _check_keepalive_expiry(cls, value: object) -> float:
        return _checks.check_number("keepalive_expiry", value, 0.0)

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _check_trusted_hosts(cls, value: object) -> frozenset[str]:
        if isinstance(value, (list, tuple, set, frozenset)):
            hosts: list[Any] = list(value)
            if all(isinstance(host, str) and _HOST.fullmatch(host) for host in hosts):
                return frozenset(host.lower() for host in hosts)
        raise ConfigError(
            f"trusted_hosts={_checks.shown(value)} must be a list of host names, "
            "without scheme, port and path"
        )

    @field_validator("timeout", "event_timeout", "start_timeout", "total_timeout", mode="before")
    @classmethod
    def _check_seconds(cls, value: object, info: pydantic.ValidationInfo) -> float | None:
        return _checks.check_seconds(str(info.field_name), value)

    @field_validator("max_event_bytes", mode="before")
    @classmethod
    def _check_max_event_bytes(cls, value: object) -> int:
        return _checks.check_whole("max_event_bytes", value, 1)

    @field_validator("headers", mode="before")
    @classmethod
    def _check_headers(cls, value: object) -> dict[str, str]:
        return check_request_headers("headers", value)


def make_config(config: object, settings: ClientSettings) -> Config:
    """Make the settings of a client.

    Args:
        config: Settings that were given as one, or None.
        settings: Settings that were given by name; they win.

    Returns:
        The settings.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """
    if config is None:
        return Config(**settings)
    if not isinstance(config, Config):
        raise ConfigError(
            f"config is of type {type(config).__name__}, not Config: give "
            "fal_stream.Config(...), or the settings by name, like credentials=..."
        )
    merged: dict[str, Any] = {name: getattr(config, name) for name in config.model_fields_set}
    merged.update(settings)
    made = Config.__new__(Config)
    made._check(merged)
    _warn_of_long_times(made, known=config)
    return made


def _warn_of_long_times(config: Config, known: Config | None = None) -> None:
    """Warn of times that look like milliseconds, unless they are known from other settings."""
    times = {}
    for name in _TIMES:
        value = getattr(config, name)
        if known is None or value != getattr(known, name):
            is_given = name in config.model_fields_set
            times[name if is_given else _VARIABLES.get(name, name)] = value
    _checks.warn_of_long_times(times)
