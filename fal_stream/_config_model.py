"""`Config`: the settings of a client, as a pydantic model.

A client works without it: importing pydantic takes longer than importing all of this package, so
this module is only imported when a program creates or reads a `Config`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import Self, Unpack

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
from .credentials import CredentialsFunction, Secret, hide_arguments, hide_secrets, is_secret_name
from .errors import ConfigError
from .middleware import ProxyUrlConfig, RequestMiddleware
from .retry import RetryPolicy

_MODEL_CONFIG = ConfigDict(frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)


class Config(BaseModel):
    """The settings of a client.

    Timeouts are in seconds, and count only while the stream waits for the server. None switches one
    off.

    A pickle never contains the key: where it is loaded, the key is looked up in the environment,
    unless `credentials` is a function. If `headers` has a secret, such as `Authorization`, pickling
    raises a TypeError.

    Attributes:
        credentials: Your fal API key, or a function that returns it and is called for each request.
            A value that begins with `Bearer ` (the access token of `fal auth login`) is sent
            unchanged. Whitespace around the key and the word `Key` before it are removed. Default
            None: the key in the environment, `FAL_KEY`, or `FAL_KEY_ID` and `FAL_KEY_SECRET`.
        run_url: The server that runs models. Default: the one in `FAL_RUN_HOST` (https:// if it has
            no scheme), else https://fal.run.
        rest_url: The server that takes uploads and issues tokens. Default: the one in
            `FAL_REST_HOST` (https:// if it has no scheme), else https://rest.fal.ai.
        trusted_hosts: Hosts besides fal's own that may get the key, over https. Default: none.
        proxy_url: A proxy such as `@fal-ai/server-proxy` that requests are sent through: its URL,
            or a `ProxyUrlConfig`. The key is not sent to it, unless the `ProxyUrlConfig` says so.
            Default: none.
        request_middleware: A function or a list of functions that change each request before it is
            sent, in this order, and before the proxy. Default: none.
        retry: When a request is retried: a `RetryPolicy`, or a number for its `max_retries`, or
            None for never. Default: `RetryPolicy()`, which retries 3 times at most.
        token_lifetime: How many seconds a token of the connection mode `client` is valid. A token
            is requested from fal with this lifetime, and a token of a `token_provider` is assumed
            to have it. Default: 120.
        keepalive_expiry: How many seconds an idle connection is kept for the next stream; 0 closes
            it at once. Default: 5.
        timeout: How long a running stream may be silent; keep-alives count as data. The stream
            waits 10 % longer, but at most 1.5 seconds longer. If you set it, it applies from the
            response headers on. Default: `FAL_STREAM_TIMEOUT`, else 15 from the first chunk on, and
            None for workflows.
        event_timeout: How long to wait for the next chunk, even if keep-alives arrive. Default:
            `FAL_STREAM_EVENT_TIMEOUT`, else 300, and 3,600 for workflows.
        start_timeout: How long to wait for the response headers, including connecting and retries.
            Default: `FAL_STREAM_START_TIMEOUT`, else 300.
        total_timeout: How long to wait in total, from the start of the stream to its end. Default:
            None.
        max_event_bytes: The largest event, in bytes. Default: 64 MiB.
        headers: Headers that are sent with each request. Default: none.

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

    @hide_arguments
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
            failure = _failure(error)
        else:
            return
        raise failure

    # Overridden, because the tracebacks of pydantic's own methods contain the settings.
    @classmethod
    @hide_arguments
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make a Config of a mapping of settings; raise ConfigError as the class does."""
        try:
            return super().model_validate(obj, **options)
        except pydantic.ValidationError as error:
            failure = _failure(error)
        raise failure

    @classmethod
    @hide_arguments
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Make a Config of a JSON object; raise ConfigError as the class does."""
        try:
            return super().model_validate_json(json_data, **options)
        except pydantic.ValidationError as error:
            failure = _failure(error)
        raise failure

    @classmethod
    @hide_arguments
    def model_validate_strings(cls, obj: Any, **options: Any) -> Self:
        """Make a Config of settings that are strings; raise ConfigError as the class does."""
        try:
            return super().model_validate_strings(obj, **options)
        except pydantic.ValidationError as error:
            failure = _failure(error)
        raise failure

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        if not hasattr(self, "__pydantic_fields_set__"):
            return  # a setting was invalid
        for name, value in super().__repr_args__():
            # The repr of a `partial` or of a bound method may contain a secret.
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
                f"A Config with the header {secret[0]!r} can't be pickled: create it without this "
                "header, and give the header again in the other process"
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


def _failure(error: pydantic.ValidationError) -> ConfigError:
    first = error.errors(include_url=False, include_input=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):
        return cause
    return ConfigError(f"The settings of a Config can't be read: {first['msg']}")


# The module in which users and pickles find the class.
Config.__module__ = "fal_stream.config"


def config_of(settings: Settings) -> Config:
    """Return the settings of a client, which were checked already, as a `Config`."""
    values = {name: getattr(settings, name) for name in ClientSettings.__annotations__}
    values["headers"] = dict(settings.headers)
    return Config.model_construct(set(settings.model_fields_set), **values)
