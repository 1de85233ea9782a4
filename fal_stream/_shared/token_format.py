"""Parse and check tokens, and decide how long a token is used."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..credentials import is_quoted, strip_scheme
from ..errors import TokenError
from ..types import TokenProvider

# Base64url, its older alphabet, and the other unreserved characters of a URL (RFC 3986, section
# 2.3).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")

# Longer than any real token, and shorter than the limit of a request line.
MAX_TOKEN = 8192

TOKEN_PARAMETER = "fal_jwt_token"


class TokenKey(NamedTuple):
    """The key of a token in the cache: provider, app and process."""

    provider: TokenProvider | None
    app_path: str
    process: int


def token_margin(lifetime: float) -> float:
    """Return how long before it expires a token is no longer used (seconds).

    Args:
        lifetime: The lifetime of the token (seconds).
    """
    return min(10.0, lifetime / 4)


def token_of(answer: Any) -> Any:
    """Return the token in the response to `POST /tokens/`, which may not be valid.

    Args:
        answer: The JSON value of the response: a string, or an object with the token as `token` or
            `detail`, as fal's own clients accept it.
    """
    if isinstance(answer, dict):
        return answer.get("token", answer.get("detail"))
    return answer


def check_token(value: Any) -> str:
    """Check a token before it is put into a URL, and return it; the message doesn't show it.

    As for a key, white space around it, a byte order mark, and the word `Bearer` or `Key` are
    removed.

    Raises:
        TokenError: It is not a string, or is empty, too long or in quotes, or contains a character
            that a token can't have.
    """
    wanted = "a token is a string of URL-safe characters"
    if not isinstance(value, str):
        raise TokenError(f"The token is a {type(value).__name__}: {wanted}")
    if len(value) > MAX_TOKEN:
        raise TokenError(f"The token has {len(value):,} characters, more than {MAX_TOKEN:,}")
    text, _ = strip_scheme(value)
    if is_quoted(text):
        raise TokenError(
            "The token begins or ends with a quotation mark (it is not shown): give the token "
            "itself, not its JSON"
        )
    if not _TOKEN.fullmatch(text):
        raise TokenError(f"The token is empty or has other characters (it is not shown): {wanted}")
    return text
