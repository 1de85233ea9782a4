"""The key and tokens, in objects that nothing shows; and which headers and parameters are secret.

The key is read from the environment each time it is needed.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

from .errors import ConfigError, without_frames
from .types import NOT_GIVEN

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

# What files and the clipboard leave around a key: whitespace, line ends, the byte order mark.
_STRIPPED = string.whitespace + "\ufeff"
_QUOTES = tuple("\"'`\u2018\u2019\u201c\u201d")
_KEY = re.compile(r"[\x21-\x7e]+")
# Placeholders that shells, CI systems and templates leave if no key was filled in.
_PLACEHOLDER = re.compile(r"<.*>|\$\w+|\$?\{.*\}|%\w+%")

# The ends of the names of secret headers and query parameters: those of fal, of signed URLs (S3,
# Google, Azure, CloudFront), and of gateways and proxies in front of a user's own server.
_SECRET_NAMES = (
    "accesscode",
    "assertion",
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "csrf",
    "jwt",
    "key",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "policy",
    "secret",
    "sessid",
    "session",
    "sessionid",
    "sig",
    "signature",
    "token",
    "xsrf",
)
# Suffixes that are also the end of other words.
_SECRET_WORDS = frozenset({"otp", "pass", "pin", "pw", "pwd", "sid"})
# What may follow one of these: `x-session-id`, `token2`.
_BESIDE = frozenset({"b64", "base64", "code", "data", "header", "id", "raw", "value"})
_WORDS = re.compile(r"[A-Z]*[a-z]+|[A-Z]+|[0-9]+")
_VERSION = re.compile(r"v?[0-9]*")
_LONGEST_NAME = 100


def is_secret_name(name: str) -> bool:
    """Return whether a header or query parameter of this name has a secret value."""
    if _ends_as_secret(name.lower()):
        return True
    words = [word.lower() for word in _WORDS.findall(name[-_LONGEST_NAME:])]
    while words and not _is_secret_word(words[-1]):
        if _is_secret_word("".join(words[-2:])):
            return True
        if words[-1] not in _BESIDE and not _VERSION.fullmatch(words[-1]):
            return False
        words.pop()
    return bool(words)


def _ends_as_secret(text: str) -> bool:
    return text.removesuffix("s").endswith(_SECRET_NAMES)


def _is_secret_word(word: str) -> bool:
    return _ends_as_secret(word) or word in _SECRET_WORDS


class Secret:
    """A secret that no print, log or pickle shows.

    Copies are the same object. It can't be pickled; a `Config` can, and leaves it out.

    Args:
        value: The secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret can't be pickled: look it up again in the other process")

    # Some serializers call this.
    def __getstate__(self) -> NoReturn:
        self.__reduce__()


CredentialsFunction: TypeAlias = Callable[[], str | Awaitable[str]]
"""Returns the credentials each time a stream starts; an async function works only with asynchronous
clients."""


@dataclass(frozen=True)
class Token:
    """A short-lived token, and the time when it expires.

    Attributes:
        secret: The token, masked in every repr.
        expires_at: When it expires, in seconds on the same clock as `now` of `is_fresh`.
    """

    secret: Secret
    expires_at: float

    @classmethod
    def issued(cls, value: str, *, now: float, lifetime: float) -> Token:
        """Make a token from the server's response.

        Args:
            value: The token's text.
            now: The time in seconds when it was requested.
            lifetime: How many seconds it is valid from then on.

        Returns:
            The token.
        """
        return cls(Secret(value), now + lifetime)

    def is_fresh(self, now: float, *, margin: float = 0.0) -> bool:
        """Return whether the token can still be used.

        Args:
            now: The time in seconds.
            margin: How many seconds before it expires it is no longer used. Default 0.

        Returns:
            Whether it can.
        """
        return now < self.expires_at - margin


def wrap_secret(given: Any) -> Any:
    """Return credentials wrapped in a `Secret`, so that no frame of a traceback shows them.

    Args:
        given: A key, which isn't checked. A function, a `Secret`, NOT_GIVEN and None are returned
            unchanged.
    """
    if given is None or given is NOT_GIVEN or callable(given) or isinstance(given, Secret):
        return given
    return Secret(given)


def hide_arguments(function: FunctionT) -> FunctionT:
    """Decorate a function so that no frame of a ConfigError's traceback contains its arguments.

    A rejected value of any argument may be a secret: a header, a URL with a password, a key that
    was passed as the wrong argument. Sentry and similar tools show the variables of each frame.
    """

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        failure: Exception
        try:
            return function(*arguments, **named)
        except ConfigError as error:
            failure = without_frames(error)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            failure = without_frames(error)  # the function doesn't accept such arguments
        finally:
            # This frame is in the traceback too.
            arguments, named = (), {}
        raise failure

    return cast(FunctionT, call)


def hide_secrets(arguments: dict[str, Any]) -> None:
    """Wrap each secret among arguments, so that no frame of a traceback shows it.

    Args:
        arguments: The arguments by name. Names may be unknown to the library (`api_key`).
    """
    for name, value in arguments.items():
        if is_secret_name(name):
            arguments[name] = wrap_secret(value)


def check_credentials(given: Secret) -> Secret:
    """Return credentials, checked and without what was copied along with them.

    Whitespace and line ends at both ends, a byte order mark and the `Key` of a header are removed.
    Neither the message of an error nor its traceback shows the credentials.

    Args:
        given: `key id:key secret` or another form of fal key, or `Bearer ` and the token of a
            login.

    Raises:
        ConfigError: They aren't a string, are empty or in quotes, or contain a character that a
            key can't contain.
    """
    credentials, problem = _read(given)
    # Raised here, where no variable contains the text.
    if problem is not None:
        raise ConfigError(problem)
    return credentials


def strip_scheme(text: str) -> tuple[str, str]:
    """Return a key or token without what was copied along with it, and its scheme.

    Args:
        text: The key or token, perhaps with whitespace, line ends, a byte order mark, and the
            `Key` or `Bearer` of a header.

    Returns:
        The key or token, and its scheme: `key`, `bearer` or an empty string.
    """
    text = text.strip(_STRIPPED)
    word, blank, rest = text.partition(" ")
    if word in ("Key", "Bearer") or (blank and word.lower() in ("key", "bearer")):
        return rest.strip(_STRIPPED), word.lower()
    return text, ""


def _read(given: Secret) -> tuple[Secret, str | None]:
    """Return credentials in the form in which they are sent, and what is wrong with them."""
    text: object = given.reveal()
    hint = "give the key from fal's dashboard, or set FAL_KEY"
    if not isinstance(text, str):
        return given, f"credentials must be a string, not {type(text).__name__}: {hint}"
    text, scheme = strip_scheme(text)
    if not text:
        return given, f"credentials are empty: {hint}"
    if is_quoted(text):
        return given, (
            "credentials begin or end with a quotation mark (they are not shown here): take the "
            "marks off; a file for `docker --env-file` has none, as they would be part of the value"
        )
    if text.startswith("FAL_KEY="):
        return given, "credentials begin with FAL_KEY= (they are not shown): give what follows it"
    if _PLACEHOLDER.fullmatch(text):
        return given, f"credentials are a placeholder, like <key> or $FAL_KEY: {hint}"
    if text.endswith((",", ";")):
        return (
            given,
            "credentials end with a comma or semicolon (they are not shown): take it off",
        )
    if not _KEY.fullmatch(text):
        return given, (
            "credentials hold a space, a line end or another character that a key can't have "
            "(they are not shown here): copy the key again"
        )
    return Secret(f"Bearer {text}" if scheme == "bearer" else text), None


def is_quoted(text: str) -> bool:
    """Return whether a key or token, or one of its halves, begins or ends with a quotation mark."""
    return any(half.startswith(_QUOTES) or half.endswith(_QUOTES) for half in text.split(":"))


def credentials_from_environment() -> Secret | None:
    """Return the credentials from the environment.

    Returns:
        `FAL_KEY`, else `FAL_KEY_ID` and `FAL_KEY_SECRET` joined by a colon, else None. A variable
        that is empty or blank counts as not set (fal's own client ignores empty ones).

    Raises:
        ConfigError: A variable contains no usable key, or one of the halves is a whole key.
    """
    credentials, whole = _from_environment()
    if whole is not None:
        raise ConfigError(
            f"{whole} has a colon in it, as a whole key has (it is not shown): set FAL_KEY to the "
            "whole key, or FAL_KEY_ID and FAL_KEY_SECRET to what stands before and after the colon"
        )
    return None if credentials is None else check_credentials(credentials)


def _from_environment() -> tuple[Secret | None, str | None]:
    """Return the key, and the name of the half's variable that contains a whole key, if any."""
    names = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET")
    key, *halves = (os.environ.get(name, "").strip(_STRIPPED) for name in names)
    if key:
        return Secret(key), None
    whole = next((name for name, half in zip(names[1:], halves, strict=True) if ":" in half), None)
    return Secret(":".join(halves)) if all(halves) else None, whole
