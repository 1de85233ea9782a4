"""`Config`: the settings of a client, as a pydantic model.

A client works without it: importing pydantic takes longer than importing all of this package, so
this module is imported when a program creates or reads a `Config`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import Unpack

from .config import (
    DEFAULT_KEEPALIVE_EXPIRY,
    DEFAULT_MAX_EVENT_BYTES,
    DEFAULT_TOKEN_LIFETIME,
    ClientSettings,
    Settings,
    check_names,
    check_setting,
    default_of,
    warn_of_long_times,
)
from .credentials import CredentialsFunction, Secret, hide_secrets, is_secret_name
from .errors import ConfigError
from .middleware import ProxyUrlConfig, RequestMiddleware
from .retry import RetryPolicy

_MODEL_CONFIG = ConfigDict(frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)


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

    if TYPE_CHECKING:
        model_config: ClassVar[ConfigDict]
    else:
        # Not annotated: its type is in no module that the hints of this class are looked up in.
        model_config = _MODEL_CONFIG

    credentials: Secret | CredentialsFunction | None = None
    run_url: str = Field(default_factory=partial(default_of, "run_url"))
    rest_url: str = Field(default_factory=partial(default_of, "rest_url"))
    trusted_hosts: frozenset[str] = frozenset()
    proxy_url: ProxyUrlConfig | None = None
    request_middleware: tuple[RequestMiddleware, ...] = ()
    retry: RetryPolicy | None = Field(default_factory=RetryPolicy)
    token_lifetime: float = DEFAULT_TOKEN_LIFETIME
    keepalive_expiry: float = DEFAULT_KEEPALIVE_EXPIRY
    timeout: float | None = Field(default_factory=partial(default_of, "timeout"))
    event_timeout: float | None = Field(default_factory=partial(default_of, "event_timeout"))
    start_timeout: float | None = Field(default_factory=partial(default_of, "start_timeout"))
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
        warn_of_long_times(self)

    def _check(self, settings: Mapping[str, Any]) -> None:
        check_names(settings, type(self).model_fields)
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

    @field_validator("*", mode="before")
    @classmethod
    def _check_setting(cls, value: object, info: pydantic.ValidationInfo) -> object:
        return check_setting(str(info.field_name), value)


# Where users, and pickles, find it.
Config.__module__ = "fal_stream.config"


def config_of(settings: Settings) -> Config:
    """Return the settings of a client, which have been checked, as a `Config`.

    Args:
        settings: The settings.
    """
    values = {name: getattr(settings, name) for name in ClientSettings.__annotations__}
    values["headers"] = dict(settings.headers)
    return Config.model_construct(set(settings.model_fields_set), **values)
