"""Headers that say where or when to ask again: `Location` and `Retry-After`."""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

import httpx

from fal_stream._sync.http.sender import redirect_target
from fal_stream.retry import parse_retry_after

__all__ = ["check"]

_URL = "https://fal.run/acme/app/stream"
_PLACES = (
    *("http", "https", "HTTPS", ":", "//", "/", "///", "@", "[", "]", "::1", "fal.run", "FAL.run"),
    *("fal.run:443", "fal.run.", "fal.run:80", "127.0.0.1:80", "evil.example", "www.", "%", "%2f"),
    *("?", "#", "\xff", "\\", "..", ";", " ", "\t", "99999", ":65536", ":-1", "\x85", "xn--"),
    *("\u017f", "\u3002", "\u2100", "\uff0f", "javascript:", "data:", "a", "key:secret@"),
)
_TIMES = (
    *("Wed", "Mon", ",", " ", "21", "Oct", "2015", "07:28:00", "GMT", "+2359", "-9999", "1", "99"),
    *(":", "-", "00:00", "9" * 30, "\xff", "(", ")", "Jan", "0001", "12.34.56", "a.m", "EST", "Z"),
    *("\xb2", "\u0663", "", "\\", '"', "+", "nan", "inf", "1e9", "120", "0"),
)


def check(chance: Random) -> None:
    """Look at where one `Location` leads, and at how long one `Retry-After` is.

    Args:
        chance: Decides.

    Raises:
        AssertionError: It leads to another origin, or to a user's name; or it is no time.
    """
    location = "".join(chance.choices(_PLACES, k=chance.randint(0, 7)))
    target = redirect_target("GET", _URL, 307, {"location": location})
    if target is not None:
        parts = urlsplit(target)
        assert (parts.scheme, (parts.hostname or "").lower()) == ("https", "fal.run"), location
        assert parts.port in (None, 443), location
        assert "@" not in parts.netloc, location
        try:
            url = httpx.URL(target)
        except httpx.InvalidURL:
            return  # it is not sent then
        assert (url.scheme, url.host, url.port) == ("https", "fal.run", None), location
        assert url.userinfo == b"", location
    value = "".join(chance.choices(_TIMES, k=chance.randint(0, 9)))
    seconds = parse_retry_after(value, now=1_000_000_000.0)
    assert seconds is None or seconds >= 0.0, value
