"""The settings of a client; those that are not given are read from the environment.

A client uses `Settings`. `Config` shows the same to users, as a pydantic model; it is imported when
it is first needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from typing_extensions import TypedDict

from . import _checks
from .credentials import CredentialsFunction, Secret, check_credentials, wrap_secret
from .errors import ConfigError
from .middleware import ProxyUrlConfig, RequestMiddleware, check_request_headers
from .retry import RetryPolicy
from .types import StreamOptions

if TYPE_CHECKING:
    from ._config_model import Config as Config

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

OTHER_NAMES = {
    "key": "credentials",
    "api_key": "credentials",
    "base_url": "run_url",
    "max_retries": "retry",
    "retries": "retry",
    "middleware": "request_middleware",
    "proxy": "proxy_url",
}


def _seconds_from_environment(name: str, default: float) -> float | None:
    variable = _VARIABLES[name]
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


def _url_from_environment(variable: str, default: str) -> str:
    host = os.environ.get(variable, "").strip()
    if not host:
        return default
    return _checked_base_url(variable, host if "://" in host else f"https://{host}")


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
    """The settings of a client, as keyword arguments; see `Config`."""

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


def _check_credentials(name: str, value: object) -> object:
    value = wrap_secret(value)
    return check_credentials(value) if isinstance(value, Secret) else value


def _check_proxy_url(name: str, value: Any) -> ProxyUrlConfig | None:
    if value is None or isinstance(value, ProxyUrlConfig):
        return value
    return ProxyUrlConfig(value)


def _check_middleware(name: str, value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    functions = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for function in functions:
        if not callable(function):
            raise ConfigError(
                f"request_middleware={_checks.short_repr(function)} can't be called: give a "
                "function of a RequestConfig that returns one, or a list of them"
            )
    return functions


def _check_retry(name: str, value: object) -> RetryPolicy | None:
    if value is None or isinstance(value, RetryPolicy):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return RetryPolicy(max_retries=value)
    raise ConfigError(
        f"retry={_checks.short_repr(value)} must be a RetryPolicy, the number of retries, 0 or "
        "more, or None for none"
    )


def _check_trusted_hosts(name: str, value: object) -> frozenset[str]:
    if isinstance(value, (list, tuple, set, frozenset)):
        hosts: list[Any] = list(value)
        if all(isinstance(host, str) and _HOST.fullmatch(host) for host in hosts):
            return frozenset(host.lower() for host in hosts)
    # A URL may contain a password or a token.
    is_plain = not {"@", "?"} & set(str(value))
    shown = f"trusted_hosts={_checks.short_repr(value)}" if is_plain else "trusted_hosts"
    raise ConfigError(
        f"{shown} must be a list of host names, without scheme, user, port, path and query"
    )


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "credentials": _check_credentials,
    "run_url": _checked_base_url,
    "rest_url": _checked_base_url,
    "trusted_hosts": _check_trusted_hosts,
    "proxy_url": _check_proxy_url,
    "request_middleware": _check_middleware,
    "retry": _check_retry,
    "token_lifetime": partial(_checks.check_number, lowest=1.0),
    "keepalive_expiry": partial(_checks.check_number, lowest=0.0),
    "timeout": _checks.check_seconds,
    "event_timeout": _checks.check_seconds,
    "start_timeout": _checks.check_seconds,
    "total_timeout": _checks.check_seconds,
    "max_event_bytes": partial(_checks.check_whole, lowest=1),
    "headers": check_request_headers,
}


def check_setting(name: str, value: Any) -> Any:
    """Check a setting.

    Args:
        name: The name of the setting. An unknown one is not checked.
        value: Its value.

    Returns:
        The value in the form in which it is used.

    Raises:
        ConfigError: The value can't be used.
    """
    check = _CHECKS.get(name)
    return value if check is None else check(name, value)


_DEFAULTS: Mapping[str, Callable[[], Any]] = {
    "credentials": lambda: None,
    "run_url": lambda: _url_from_environment("FAL_RUN_HOST", DEFAULT_RUN_URL),
    "rest_url": lambda: _url_from_environment("FAL_REST_HOST", DEFAULT_REST_URL),
    "trusted_hosts": frozenset,
    "proxy_url": lambda: None,
    "request_middleware": tuple,
    "retry": RetryPolicy,
    "token_lifetime": lambda: DEFAULT_TOKEN_LIFETIME,
    "keepalive_expiry": lambda: DEFAULT_KEEPALIVE_EXPIRY,
    "timeout": lambda: _seconds_from_environment("timeout", DEFAULT_TIMEOUT),
    "event_timeout": lambda: _seconds_from_environment("event_timeout", DEFAULT_EVENT_TIMEOUT),
    "start_timeout": lambda: _seconds_from_environment("start_timeout", DEFAULT_START_TIMEOUT),
    "total_timeout": lambda: None,
    "max_event_bytes": lambda: DEFAULT_MAX_EVENT_BYTES,
    "headers": dict,
}


def default_of(name: str) -> Any:
    """Return the default of a setting.

    Raises:
        ConfigError: An environment variable has a value that can't be used.
    """
    return _DEFAULTS[name]()


def check_names(given: Mapping[str, Any], known: Collection[str]) -> None:
    """Check that every setting is known.

    Raises:
        ConfigError: One is unknown. The message suggests the known name that is most alike.
    """
    _checks.check_known("setting", given, known, OTHER_NAMES, _ELSEWHERE)


class Settings:
    """The checked settings of a client. `Config` describes each.

    Args:
        given: The settings by name. Missing ones get their defaults.

    Attributes:
        model_fields_set: The names of the settings that were given, as in `Config`.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """

    credentials: Secret | CredentialsFunction | None
    run_url: str
    rest_url: str
    trusted_hosts: frozenset[str]
    proxy_url: ProxyUrlConfig | None
    request_middleware: tuple[RequestMiddleware, ...]
    retry: RetryPolicy | None
    token_lifetime: float
    keepalive_expiry: float
    timeout: float | None
    event_timeout: float | None
    start_timeout: float | None
    total_timeout: float | None
    max_event_bytes: int
    headers: Mapping[str, str]

    def __init__(self, given: Mapping[str, Any]) -> None:
        check_names(given, _CHECKS)
        for name, check in _CHECKS.items():
            value = check(name, given[name]) if name in given else default_of(name)
            setattr(self, name, value)
        self.model_fields_set: frozenset[str] = frozenset(given)
        self._config: Config | None = None

    @property
    def config(self) -> Config:
        """The same for users, made when it is first asked for."""
        if self._config is None:
            from ._config_model import config_of

            self._config = config_of(self)
        return self._config


AnySettings: TypeAlias = Union["Config", Settings]
"""Settings, whoever made them."""


def make_settings(config: object, settings: ClientSettings) -> Settings:
    """Make the settings of a client.

    Args:
        config: Settings that were given as one object, or None.
        settings: Settings that were given by name. They take precedence over `config`.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """
    if config is None:
        made = Settings(settings)
        warn_of_long_times(made)
        return made
    from ._config_model import Config

    if isinstance(config, (str, bytes)):
        raise ConfigError(
            "config is a text (it is not shown here), and not a Config: give a key by its name, "
            "credentials=..."
        )
    if not isinstance(config, Config):
        raise ConfigError(
            f"config is of type {type(config).__name__}, not Config: give "
            "fal_stream.Config(...), or the settings by name, like credentials=..."
        )
    given: dict[str, Any] = {name: getattr(config, name) for name in config.model_fields_set}
    made = Settings({**given, **settings})
    warn_of_long_times(made, known=config)
    return made


def warn_of_long_times(config: AnySettings, known: AnySettings | None = None) -> None:
    """Warn about times that look like milliseconds, unless other settings contain the same value.

    Args:
        config: The settings.
        known: The other settings. Default: none.
    """
    times = {}
    for name in _TIMES:
        value = getattr(config, name)
        if known is None or value != getattr(known, name):
            is_given = name in config.model_fields_set
            times[name if is_given else _VARIABLES.get(name, name)] = value
    _checks.warn_of_long_times(times)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "Config":
            from ._config_model import Config

            globals()[name] = Config
            return Config
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
