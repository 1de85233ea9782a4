"""Decide which hosts the files of chunks may be downloaded from.

Promises: pure. A model may send any URL, but only fal's file hosts, the servers in the client's
settings and the user's `hosts` are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from .._checks import check_url, short_repr
from ..config import DEFAULT_REST_URL, DEFAULT_RUN_URL, AnySettings
from ..errors import ConfigError, excerpt

# The host where fal stores the output files of models.
_FILE_HOST = "fal.media"
_OLD_FILES = ("storage.googleapis.com", "/falserverless/")

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?::[0-9]{1,5})?", re.ASCII)
_LONGEST = 16_384

# Characters that are not percent-encoded in a URL; encoding the others doesn't change it.
URL_PUNCTUATION = "%/:=&?~#+!$,;'@()*[]"

Origin = tuple[str, str, int]


@dataclass(frozen=True)
class FileHosts:
    """The hosts that files may be downloaded from, besides fal's own.

    Attributes:
        origins: The scheme, host and port of each.
    """

    origins: frozenset[Origin] = frozenset()

    def allows(self, url: str) -> bool:
        """Return whether a file may be downloaded from a URL.

        Returns:
            True for https on fal's file hosts, and for the origins.
        """
        parts = _split(url)
        if parts is None:
            return False
        origin = _origin_of(parts)
        if origin in self.origins:
            return True
        scheme, host, port = origin
        if scheme != "https" or port != 443:
            return False
        if host == _FILE_HOST or host.endswith(f".{_FILE_HOST}"):
            return True
        return host == _OLD_FILES[0] and parts.path.startswith(_OLD_FILES[1])


def make_file_hosts(config: AnySettings | None, hosts: object = ()) -> FileHosts:
    """Return the hosts that files may be downloaded from.

    Args:
        config: The client's settings, whose own servers are added; may be None.
        hosts: The user's hosts: a host name such as `cdn.example.com` (over https), or scheme, host
            and port such as `http://127.0.0.1:8000`.

    Raises:
        ConfigError: A host is not valid.
    """
    if isinstance(hosts, str) or not isinstance(hosts, Collection):
        raise ConfigError(
            f"hosts={short_repr(hosts)} is no list: give host names, ['cdn.example.com']"
        )
    origins = {_named_origin(host) for host in hosts}
    if config is not None:
        for url, default in (
            (config.run_url, DEFAULT_RUN_URL),
            (config.rest_url, DEFAULT_REST_URL),
        ):
            parts = None if url == default else _split(url)
            if parts is not None:
                origins.add(_origin_of(parts))
        origins.update(("https", host, 443) for host in config.trusted_hosts)
    return FileHosts(frozenset(origins))


def _named_origin(host: object) -> Origin:
    if isinstance(host, str):
        if "://" in host:
            parts = check_url("hosts", host)
            if parts.path in ("", "/") and not parts.query and not parts.fragment:
                return _origin_of(parts)
        elif _HOST.fullmatch(host):
            parts = check_url("hosts", f"https://{host}")
            return _origin_of(parts)
    raise ConfigError(
        f"hosts has {short_repr(host)}, which is no host: give a name, 'cdn.example.com', or "
        "scheme, host and port, 'http://127.0.0.1:8000'"
    )


def encoded_url(url: str) -> str | None:
    """Return an http or https URL, percent-encoded; None if it can't be requested."""
    if url[:7].lower() != "http://" and url[:8].lower() != "https://":
        return None
    # A URL may contain a file name that is not encoded.
    if len(url) > _LONGEST or not url.isprintable():
        return None
    encoded = quote(url, safe=URL_PUNCTUATION)
    try:
        check_url("url", encoded)
    except ConfigError:
        return None
    return encoded


def _split(url: str) -> SplitResult | None:
    encoded = encoded_url(url)
    return None if encoded is None else urlsplit(encoded)


def _origin_of(parts: SplitResult) -> Origin:
    return (
        parts.scheme,
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
    )


def shown_url(url: str) -> str:
    """Return a URL for a message: shortened, and without its query, which may be a signature."""
    parts = _split(url)
    if parts is None:
        return excerpt(url, 60)
    return excerpt(f"{parts.scheme}://{parts.netloc}{parts.path}", 120)
