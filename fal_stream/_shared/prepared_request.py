"""`PreparedRequest`: the parts of one request to fal, and the rule for which hosts get the key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from .._version import __version__
from ..config import AnySettings
from ..credentials import Secret
from .endpoint import host_of, is_loopback, may_have_key

JSON = "application/json"

# Sent with each request; a compressed body could not be read as it arrives.
OUR_HEADERS = {"user-agent": f"fal_stream/{__version__}", "accept-encoding": "identity"}

KeyUse = Literal["required", "optional", "withheld", "own"]


@dataclass(frozen=True)
class PreparedRequest:
    """The parts of one request; the dispatcher returns a copy with middleware and credentials.

    Attributes:
        method: The HTTP method.
        url: The complete URL.
        headers: The headers, names in lower case.
        body: The body, or None for none. An iterable can be iterated again, and its length is in
            the headers.
        omit_default_headers: Whether to leave out the default headers of a user's HTTP client.
            Default False.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | Iterable[bytes] | AsyncIterable[bytes] | None = field(repr=False, default=None)
    omit_default_headers: bool = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("A request can't be pickled: it may contain a key or a token")

    @property
    def origin(self) -> str:
        """The scheme, host and port of the URL."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def at(self, url: str | None) -> PreparedRequest | None:
        """Return the same request to another URL, or None if `url` is None.

        The URL may contain a token, so callers pass it without keeping it in a variable, which a
        traceback may show.
        """
        return None if url is None else replace(self, url=url)


def key_use(config: AnySettings, url: str, headers: Mapping[str, str]) -> KeyUse:
    """Return whether a request is sent with the key.

    Args:
        config: The client's settings.
        url: The URL of the request.
        headers: The headers, names in lower case.

    Returns:
        `own` if there is an Authorization header already, `withheld` if the host isn't trusted,
        `optional` if the host is this machine, else `required`.
    """
    if "authorization" in headers:
        return "own"
    if not may_have_key(url, config.trusted_hosts):
        return "withheld"
    return "optional" if is_loopback(host_of(urlsplit(url).netloc)) else "required"


def authorization(credentials: Secret) -> str:
    """Return the value of the Authorization header.

    Args:
        credentials: A key, or `Bearer ` and the token of a login with `fal auth login`, which is
            sent unchanged, as in fal's own client.
    """
    text = credentials.reveal()
    return text if text.startswith("Bearer ") else f"Key {text}"


def api_request(
    config: AnySettings, url: str, content: Any, headers: Mapping[str, str]
) -> PreparedRequest:
    """Return a request to fal's REST API, whose body and response are JSON.

    Args:
        config: The client's settings.
        url: The URL.
        content: The JSON value to send.
        headers: Headers besides the usual ones, names in lower case.
    """
    ours = {"accept": JSON, **OUR_HEADERS, **config.headers, "content-type": JSON, **headers}
    return PreparedRequest("POST", url, ours, json.dumps(content).encode())
