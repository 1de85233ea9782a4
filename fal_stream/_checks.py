"""Validate arguments: each function returns the value in its usable form or raises `ConfigError`.

A message contains the argument, the value (never a secret) and what to give instead.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import SplitResult, urlsplit

from ._signal_errors import raised_by_signal_handler
from .errors import ConfigError, excerpt, mask_secrets

if TYPE_CHECKING:
    from pydantic import BaseModel

# A longer time is probably meant in milliseconds, as in JavaScript (seconds).
LONG_TIME = 3600.0

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # token, RFC 9110 section 5.6.2
_NAME_BEGINS = re.compile(r"([A-Za-z-]+(?=:)|[A-Za-z-]{1,7}(?![A-Za-z0-9_-]))")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_WANTED_URL = "give an absolute address that begins with https://"
_URL = re.compile(r"[\x21\x23-\x5b\x5d\x5f\x61-\x7a\x7e]+")
_HOST = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")
# Text in the place of a port, which may be the secret half of a key.
_NO_PORT = re.compile(r"(?<=[\w-]):[\w-]{8,}(?=/|$)")


def is_model(value: object) -> TypeGuard[BaseModel]:
    """Return whether a value is a pydantic model, without importing pydantic."""
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def is_model_dataclass(value: object) -> bool:
    """Return whether a value is an instance of a pydantic dataclass."""
    pydantic = sys.modules.get("pydantic.dataclasses")
    return pydantic is not None and pydantic.is_pydantic_dataclass(type(value))


def is_model_secret(value: object) -> bool:
    """Return whether a value is a pydantic secret, whose JSON is asterisks."""
    pydantic = sys.modules.get("pydantic.types")
    kinds = ("SecretStr", "SecretBytes", "Secret")
    return pydantic is not None and isinstance(
        value, tuple(getattr(pydantic, kind) for kind in kinds)
    )


def is_model_field(value: object) -> bool:
    """Return whether a value is the result of pydantic's `Field`."""
    pydantic = sys.modules.get("pydantic.fields")
    return pydantic is not None and isinstance(value, pydantic.FieldInfo)


def is_model_url(value: object) -> bool:
    """Return whether a value is a pydantic URL."""
    for module, name in (("pydantic_core", "Url"), ("pydantic.networks", "AnyUrl")):
        loaded = sys.modules.get(module)
        if loaded is not None and isinstance(value, getattr(loaded, name)):
            return True
    return False


def short_repr(value: object) -> str:
    """Return the repr of a value for a message, shortened."""
    try:
        text = repr(value)
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        text = f"<{type(value).__name__}>"
    return excerpt(text, 120)


def safe_repr(method: Callable[[Any], str]) -> Callable[[Any], str]:
    """Decorate a `__repr__` so that it works even if `__init__` has raised.

    A traceback with local variables shows such objects, too.
    """

    @wraps(method)
    def shown_anyway(self: object) -> str:
        try:
            return method(self)
        except AttributeError:
            return f"<{type(self).__name__} that was not made>"

    return shown_anyway


def check_known(
    kind: str,
    names: Iterable[object],
    known: Iterable[str],
    other_names: Mapping[str, str] | None = None,
    elsewhere: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Check that all names are known; the message suggests the nearest known name.

    Args:
        kind: What the names are, for the message.
        names: The names to check.
        known: The known names.
        other_names: The names in other libraries, and the known names for them. Default: none.
        elsewhere: The names that are known in other places, by place. Default: none.

    Raises:
        ConfigError: A name is not known.
    """
    known = frozenset(known)
    for name in names:
        if name not in known:
            places = [place for place, others in (elsewhere or {}).items() if name in others]
            text = name if isinstance(name, str) else ""
            meant = (other_names or {}).get(text)
            # Imported here because it is seldom needed and slow to import.
            from difflib import get_close_matches

            near = [meant] if meant else get_close_matches(text, sorted(known), 1)
            if places:
                hint = f"it belongs to {places[0]}"
            elif near:
                hint = f"did you mean {near[0]!r}?"
            else:
                hint = f"there are: {', '.join(sorted(known))}"
            raise ConfigError(f"Unknown {kind} {short_repr(name)}; {hint}")


def check_seconds(name: str, value: Any) -> float | None:
    """Check a time limit, and return it.

    Args:
        name: The name of the argument, for the message.
        value: Seconds above 0, or None for no limit.

    Raises:
        ConfigError: The value is neither.
    """
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # The comparison also works for an int that is too large for a float.
    if is_number and 0 < value <= sys.float_info.max:
        return float(value)
    raise ConfigError(
        f"{name}={short_repr(value)} is not a time limit: give seconds above 0, or None for no "
        "limit"
    )


def warn_of_long_times(times: Mapping[str, object], warned: set[str] | None = None) -> None:
    """Warn about each time above an hour; the warning is attributed to the user's code.

    Args:
        times: The checked times (seconds), by the names of their settings. Values that are not
            numbers are skipped.
        warned: The earlier warnings, which are not repeated; new ones are added. Default: none.
    """
    for name, value in times.items():
        if not isinstance(value, (int, float)) or value <= LONG_TIME:
            continue
        meant = f"{value / 1000:g}"
        text = (
            f"{name}={value:g} is more than an hour: times are in seconds here, and in "
            f"milliseconds in JavaScript; give {meant} if {meant} seconds are meant"
        )
        if warned is None or text not in warned:
            if warned is not None:
                warned.add(text)
            warn_user(text)


def warn_user(text: str) -> None:
    """Emit a warning that is attributed to the first frame outside of fal_stream and pydantic."""
    warnings.warn(mask_secrets(text), stacklevel=_level_of_user())


def _level_of_user() -> int:
    """Return the `stacklevel` of the first frame outside of fal_stream and pydantic."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("fal_stream", "pydantic"):
            break
        level, frame = level + 1, frame.f_back
    return level


def check_headers(name: str, value: object) -> dict[str, str]:
    """Check headers, so that none can inject another one, and return them.

    Args:
        name: The name of the argument, for the message.
        value: A mapping of header names to values, both strings.

    Raises:
        ConfigError: The value is not such a mapping. Values of headers, which may be secret, are
            not shown.
    """
    if not isinstance(value, Mapping):
        # The value is not shown, because it may contain a secret.
        raise ConfigError(
            f"{name} must be a mapping of names to values, not a {type(value).__name__}"
        )
    headers: dict[str, str] = {}
    for key, text in value.items():
        if not isinstance(key, str) or not _HEADER_NAME.fullmatch(key):
            # Only the part that is a valid name is shown: the rest may be a secret.
            start = _NAME_BEGINS.match(key) if isinstance(key, str) else None
            begins = f" that begins with {start[1]!r}" if start else ""
            raise ConfigError(f"{name} has a name{begins} which is not a header name")
        headers[key] = check_header_value(f"{name}[{key!r}]", text)
    return headers


def check_header_value(name: str, value: object) -> str:
    """Check the value of a header, and return it without surrounding white space.

    RFC 9110, section 5.5, excludes that white space from the value.

    Args:
        name: The name of the argument, for the message.
        value: A string of printable ASCII characters.

    Raises:
        ConfigError: The value is not such a string. It is not shown, because it may be secret.
    """
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise ConfigError(
            f"{name} must be a string of printable ASCII characters "
            "(its value is not shown here); encode anything else first"
        )
    return value.strip(" \t")


def without_user(address: str) -> str:
    """Return a URL, with or without a scheme, without user and password.

    Args:
        address: The URL, without query and fragment. A password may contain any character, even a
            slash, so everything before the last `@` is removed.
    """
    scheme, mark, rest = address.rpartition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{host}" if at and (mark or ":" in user) else address


def check_url(name: str, value: object) -> SplitResult:
    """Check an absolute http or https URL, and return its parts.

    Raises:
        ConfigError: The URL is relative, or contains a user, a password, or a character that is not
            allowed in a URL. Query and fragment are never shown: they may contain a token.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{name}={short_repr(value)} is not an address: {_WANTED_URL}")
    # A query may contain a token, which must not be cached.
    is_plain = "?" not in value and "#" not in value
    return _split_url_once(name, value) if is_plain else _split_url(name, value)


def _split_url(name: str, value: str) -> SplitResult:
    safe = re.split("[?#]", value, maxsplit=1)[0]
    safe = safe.rpartition("@")[2] if "@" in safe else safe
    safe = _NO_PORT.sub(":***", safe)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        # Python's own reason is not shown, because it may contain a secret.
        raise ConfigError(f"{name}={short_repr(safe)} is not an address: {_WANTED_URL}") from None
    if parts.scheme not in ("http", "https") or not host or not _URL.fullmatch(value):
        raise ConfigError(
            f"{name}={short_repr(safe)} is not an http or https address: {_WANTED_URL}"
        )
    if parts.port == 0:
        raise ConfigError(f"{name}={short_repr(safe)} has the port 0: {_WANTED_URL}")
    if "@" in parts.netloc:
        raise ConfigError(
            f"{name} has a user or password before the host {host!r}: "
            "give credentials by the credentials setting instead"
        )
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise ConfigError(f"{name}={short_repr(safe)} has no valid host: {_WANTED_URL}")
    return parts


_split_url_once = lru_cache(256)(_split_url)


def check_whole(name: str, value: Any, lowest: int) -> int:
    """Check that a value is a whole number, `lowest` or more, and return it.

    Raises:
        ConfigError: It is not such a number.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(f"{name}={short_repr(value)} must be a whole number, {lowest} or more")
    return value


def check_number(name: str, value: Any, lowest: float) -> float:
    """Check that a value is a finite number, `lowest` or more, and return it.

    Raises:
        ConfigError: It is not such a number.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not lowest <= value <= sys.float_info.max:
        raise ConfigError(f"{name}={short_repr(value)} must be a number, {lowest:g} or more")
    return float(value)


def check_bool(name: str, value: object) -> bool:
    """Check that a value is True or False, and return it.

    Raises:
        ConfigError: It is neither.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"{name}={short_repr(value)} must be True or False")
    return value


def check_one_of(name: str, value: object, known: Collection[str]) -> str:
    """Check that a value is one of the known words, and return it.

    Raises:
        ConfigError: It is none of them.
    """
    if not isinstance(value, str) or value not in known:
        raise ConfigError(
            f"{name}={short_repr(value)} is not known; there are: {', '.join(map(repr, known))}"
        )
    return value


def check_plain_function(name: str, value: object) -> None:
    """Check that a value is a plain function.

    Raises:
        ConfigError: It can't be called, or is an async function, whose result, a coroutine, would
            always be true.
    """
    if not callable(value):
        raise ConfigError(f"{name}={short_repr(value)} can't be called: give a function")
    if is_async_function(value):
        raise ConfigError(f"{name} is an async function: give a plain one")


def check_plain_result(name: str, result: object) -> None:
    """Check that a plain function hasn't returned an awaitable, by calling an async function.

    Args:
        name: The name of the argument, for the message.
        result: The result of the function. A coroutine is closed.

    Raises:
        ConfigError: The result is an awaitable.
    """
    if not inspect.isawaitable(result):
        return
    kind = type(result).__name__
    if inspect.iscoroutine(result):
        result.close()
    raise ConfigError(f"{name} returned a {kind}, which is never awaited: give a plain function")


def is_async_function(value: object) -> bool:
    """Return whether calling a value returns a coroutine or an asynchronous generator."""
    called = getattr(type(value), "__call__", None)  # noqa: B004 - of an object with an async one
    return any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for one in (value, called)
    )
