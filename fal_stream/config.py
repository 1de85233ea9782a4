"""Settings of a client, its credentials and tokens.

This is the one place that reads the environment. Settings are read from it when a `Config` is
made, credentials each time they are needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, TypeAlias

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import TypedDict, Unpack

from . import _checks
from .errors import ConfigError

DEFAULT_RUN_URL = "https://fal.run"
DEFAULT_TIMEOUT = 15.0
DEFAULT_EVENT_TIMEOUT = 300.0
DEFAULT_START_TIMEOUT = 300.0
DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024


_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


_OTHER_NAMES = {"key": "credentials", "api_key": "credentials", "base_url": "run_url"}


class Secret:
    """Holds a secret so that no print, log or pickle shows it.

    Args:
        value: The secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled: look it up anew on the other side")


CredentialsFunction: TypeAlias = Callable[[], str | Awaitable[str]]
"""Gives the credentials each time a stream starts; an async function serves async clients only."""


@dataclass(frozen=True)
class Token:
    """A short-lived token and when it ends.

    Attributes:
        secret: The token, masked in every repr.
        expires_at: When it ends, in seconds of the clock that its user goes by.
    """

    secret: Secret
    expires_at: float

    @classmethod
    def issued(cls, value: str, *, now: float, lifetime: float) -> Token:
        """Make a token from what the server gave.

        Args:
            value: The token's text.
            now: The time in seconds at which it was asked for.
            lifetime: How many seconds it lives from then on.

        Returns:
            The token.
        """
        return cls(Secret(value), now + lifetime)

    def is_fresh(self, now: float, *, margin: float = 0.0) -> bool:
        """Tell whether the token can still be used.

        Args:
            now: The time in seconds.
            margin: How many seconds before its end it counts as ended. Default 0.

        Returns:
            Whether it can.
        """
        return now < self.expires_at - margin


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


def _run_url_from_environment() -> str:
    host = os.environ.get("FAL_RUN_HOST", "").strip()
    if not host:
        return DEFAULT_RUN_URL
    return _checked_base_url("FAL_RUN_HOST", host if "://" in host else f"https://{host}")


def _checked_base_url(name: str, value: object) -> str:
    parts = _checks.check_url(name, value)
    if parts.query or parts.fragment:
        raise ConfigError(f"{name} has a query or a fragment: give scheme, host and path only")
    return parts.geturl().rstrip("/")


class ClientSettings(TypedDict, total=False):
    """The settings of a client by name; see `Config`."""

    credentials: str | Secret | CredentialsFunction | None
    run_url: str
    trusted_hosts: Collection[str]
    timeout: float | None
    event_timeout: float | None
    start_timeout: float | None
    total_timeout: float | None
    max_event_bytes: int
    headers: Mapping[str, str]


class Config(BaseModel):
    """The settings of a client.

    Times are seconds that the stream waits for its server; None switches a limit off.

    Attributes:
        credentials: fal's key, or a function that gives it each time. None (the default): from
            the environment, `FAL_KEY`, else `FAL_KEY_ID` and `FAL_KEY_SECRET`.
        run_url: Where the apps run. Default: https://fal.run, or the host of `FAL_RUN_HOST`.
        trusted_hosts: Hosts besides fal's own that get the key, over https. Default: none.
        timeout: Between two signs of life of a running stream, keep-alives included. Default:
            15, or `FAL_STREAM_TIMEOUT`.
        event_timeout: Between two chunks, whatever the signs of life. Default: 300, or
            `FAL_STREAM_EVENT_TIMEOUT`.
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
    run_url: str = Field(default_factory=_run_url_from_environment)
    trusted_hosts: frozenset[str] = frozenset()
    timeout: float | None = Field(
        default_factory=_seconds_from("FAL_STREAM_TIMEOUT", DEFAULT_TIMEOUT)
    )
    event_timeout: float | None = Field(
        default_factory=_seconds_from("FAL_STREAM_EVENT_TIMEOUT", DEFAULT_EVENT_TIMEOUT)
    )
    start_timeout: float | None = Field(
        default_factory=_seconds_from("FAL_STREAM_START_TIMEOUT", DEFAULT_START_TIMEOUT)
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
        _checks.check_known("setting", settings, type(self).model_fields, _OTHER_NAMES)
        try:
            super().__init__(**settings)
        except pydantic.ValidationError as error:
            cause = error.errors()[0].get("ctx", {}).get("error")
            failure = cause if isinstance(cause, ConfigError) else ConfigError(str(error))
        else:
            return
        raise failure

    @field_validator("credentials", mode="before")
    @classmethod
    def _check_credentials(cls, value: object) -> object:
        if isinstance(value, Secret):
            value = value.reveal()
        if value is None or callable(value):
            return value
        return Secret(_checks.check_credentials(value))

    @field_validator("run_url", mode="before")
    @classmethod
    def _check_run_url(cls, value: object) -> str:
        return _checked_base_url("run_url", value)

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
        return _checks.check_positive_int("max_event_bytes", value)

    @field_validator("headers", mode="before")
    @classmethod
    def _check_headers(cls, value: object) -> dict[str, str]:
        return _checks.check_headers("headers", value)


def credentials_from_environment() -> str | None:
    """Look the credentials up in the environment.

    Returns:
        `FAL_KEY`, else `FAL_KEY_ID` and `FAL_KEY_SECRET` joined by a colon, else None. An empty
        variable counts as not set (as in fal's own client).

    Raises:
        ConfigError: What stands there can't be a key.
    """
    key = os.environ.get("FAL_KEY")
    key_id, key_secret = os.environ.get("FAL_KEY_ID"), os.environ.get("FAL_KEY_SECRET")
    if not key and key_id and key_secret:
        key = f"{key_id}:{key_secret}"
    return _checks.check_credentials(key) if key else None
