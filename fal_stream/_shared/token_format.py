"""Parse and check tokens, and decide how long a token is used."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..credentials import is_quoted, unwrapped
from ..errors import TokenError
from ..types import TokenProvider

# Base64url, its older alphabet, and the other unreserved characters of a URL (RFC 3986, section
# 2.3).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")

# Longer than any token, and shorter than the longest request line.
MAX_TOKEN = 8192

TOKEN_PARAMETER = "fal_jwt_token"


class TokenKey(NamedTuple):
    """What a token serves for: the same function asked for the same app, in the same process."""

    provider: TokenProvider | None
    app_path: str
    process: int


def token_margin(lifetime: float) -> float:
    """Return how long before its end a token is no longer used, so that it arrives in time.

    Args:
        lifetime: How long it lives, in seconds.

    Returns:
        The seconds.
    """
    return min(10.0, lifetime / 4)


def token_of(answer: Any) -> Any:
    """Return the token in the response to `POST /tokens/`.

    Args:
        answer: A bare string, or an object with it as `token` or `detail` (as fal's own clients
            take it).

    Returns:
        The token, or something that `check_token` refuses.
    """
    if isinstance(answer, dict):
        return answer.get("token", answer.get("detail"))
    return answer


def check_token(value: Any) -> str:
    """Check a token before it stands in an address; the message doesn't show it.

    What people leave around a key is taken off a token too: blanks and line ends at both ends, a
    byte order mark, and the word `Bearer` or `Key` of a header.

    Returns:
        The token.

    Raises:
        TokenError: It is no string, empty, too long, in quotes, or has a character that no token
            has.
    """
    wanted = "a token is a string of URL-safe characters"
    if not isinstance(value, str):
        raise TokenError(f"The token is a {type(value).__name__}: {wanted}")
    if len(value) > MAX_TOKEN:
        raise TokenError(f"The token has {len(value):,} characters, more than {MAX_TOKEN:,}")
    text, _ = unwrapped(value)
    if is_quoted(text):
        raise TokenError(
            "The token begins or ends with a quotation mark (it is not shown): give the token "
            "itself, not its JSON"
        )
    if not _TOKEN.fullmatch(text):
        raise TokenError(f"The token is empty or has other characters (it is not shown): {wanted}")
    return text
