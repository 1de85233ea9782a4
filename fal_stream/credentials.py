"""The key, and tokens: held so that nothing shows them; and what else is secret, by its name.

The key is read from the environment each time it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from . import _checks

# How the names of headers and query parameters end whose values are secret: those of fal, of signed
# addresses (S3, Google, Azure, CloudFront), and of what stands before somebody's own server.
_SECRET_NAMES = (
    "auth",
    "authorization",
    "cookie",
    "credential",
    "jwt",
    "key",
    "password",
    "policy",
    "secret",
    "sig",
    "signature",
    "token",
)


def is_secret_name(name: str) -> bool:
    """Tell whether the value of a header or a query parameter is a secret.

    Args:
        name: Its name.

    Returns:
        Whether it is.
    """
    return name.lower().removesuffix("s").endswith(_SECRET_NAMES)


class Secret:
    """Holds a secret so that no print, log or pickle shows it.

    Copies are the same object. It can't be pickled; a `Config` can, and leaves it out.

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

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled: look it up anew on the other side")

    # Some serializers ask for it by themselves.
    def __getstate__(self) -> NoReturn:
        self.__reduce__()


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
