"""Endpoint ids: each is refused, or its address is where it has to be, whoever reads it."""

from __future__ import annotations

import posixpath
from random import Random
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from fal_stream._shared.endpoint import (
    EndpointId,
    may_have_key,
    parse_endpoint_id,
    stream_path,
    stream_url,
)
from fal_stream.errors import ConfigError

__all__ = ["check"]

_BASES = ("https://fal.run", "http://127.0.0.1:8000", "https://proxy.example.com:8443/fal/run")
_PARTS = (
    *("a", "fal-ai", "flux", "v1.1", "stream", "workflows", "comfy", "12345-app", "_x", "A.b-c_d"),
    *("/", "/", "/", "/", "//", "/stream", "-", ".", "..", "../", "/..", "/.", "...", "\\", "\\.."),
    *("%2f", "%2e%2e", "%2F..", "%5c", "%00", "%", "@", "@evil.com", "evil.com", ":", ":80", "://"),
    *("https://evil.com/", "//evil.com", "?", "?a=b", "#", "#x", ";", "=", "&", "[::1]", "~", "$"),
    *("\r\n", "\n", "\t", " ", "\0", "\x7f", "\x85", "\xa0", "\u2028", "\u200b", "\u202e"),
    *("ä", "e\u0301", "🦊", "\ud800", "\udfff", "xn--", "\ufeff"),
    *("\u017f", "\u212a", "\u2460", "\u3002", "\uff0e", "\uff0f", "\uff20", "\u2100"),  # NFKC
)


def _text(chance: Random) -> str:
    if chance.random() < 0.3:
        parts = chance.choices(("a", "fal-ai", "flux", "v1.1", "workflows", "comfy", "9-x"), k=3)
        text = "/".join(parts)
        at = chance.randint(0, len(text))
        return text[:at] + chance.choice(_PARTS) + text[at + chance.randint(0, 1) :]
    if chance.random() < 0.1:
        return "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randint(0, 8)))
    return "".join(chance.choices(_PARTS, k=chance.randint(0, 7)))


def check(chance: Random) -> None:
    """Take one id apart, and have its address read by urllib and by httpx.

    Args:
        chance: Decides.

    Raises:
        AssertionError: It is taken, and its address is not below that of the apps.
    """
    text = _text(chance)
    try:
        endpoint = parse_endpoint_id(text)
    except ConfigError as error:
        refusal = str(error)
    else:
        _check_address(endpoint, chance.choice(_BASES))
        return
    assert "is not an endpoint id" in refusal
    refusal.encode()  # it can be printed


def _check_address(endpoint: EndpointId, base: str) -> None:
    """See that the address of an endpoint is below that of the apps, whoever reads it."""
    url = stream_url(base, endpoint)
    wanted = urlsplit(base)
    prefix = f"{wanted.path}/"
    path = urlsplit(url).path
    assert url == f"{base}/{stream_path(endpoint)}", url
    # Whoever resolves dots, or decodes once more on the way, comes to the same place.
    assert posixpath.normpath(path) == path == unquote(path) == urlsplit(urljoin(base, url)).path
    assert path.startswith(prefix), url
    assert len(path.removeprefix(prefix).split("/")) >= 2, url
    by_httpx = httpx.URL(url)
    assert (by_httpx.scheme, by_httpx.host, by_httpx.port, by_httpx.raw_path.decode()) == (
        wanted.scheme,
        wanted.hostname,
        wanted.port,
        path,
    ), url
    assert (by_httpx.query, by_httpx.fragment, by_httpx.userinfo) == (b"", "", b""), url
    assert urlsplit(url)[:2] == wanted[:2], url
    assert may_have_key(url, ()) == may_have_key(base, ()), url
