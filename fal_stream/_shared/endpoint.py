"""Parse endpoint ids, build their URLs, and decide which hosts may get the key."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit, urlunsplit

from .._checks import short_repr, without_user
from ..errors import ConfigError

RUN_HOST = "fal.run"
BACKUP_HOST = "falrun.com"

# fal.ai serves the REST API.
FAL_HOSTS = (RUN_HOST, "fal.ai", BACKUP_HOST)
NAMESPACES = ("workflows", "comfy")

# The default path after an endpoint id, from fal's documentation.
DEFAULT_PATH = "/stream"

_SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?|_[A-Za-z0-9_.-]*")
# Path segments (RFC 3986, section 3.3), none of which is `.` or `..` or contains a slash, not even
# percent-encoded.
_CLIMBS = r"(?:\.|%2[Ee]){1,2}(?:/|$)"
_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%(?!2[Ff]|5[Cc]|00)[0-9A-Fa-f]{2})"
_PATH = re.compile(rf"/?(?:(?!{_CLIMBS}){_CHARACTER}+(?:/(?!{_CLIMBS}|$)|/?$))*")
# IPv4 addresses that inet_aton(3) accepts besides four decimal numbers.
_OLD_ADDRESS = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}")
_OLD_FORM = re.compile(r"([0-9]+)-([A-Za-z0-9-]+)")


@dataclass(frozen=True)
class EndpointId:
    """The parts of an endpoint id.

    Attributes:
        namespace: `workflows`, `comfy` or None.
        owner: The owner of the app.
        alias: The app's name.
        path: The path after the alias; `""` if there is none.
    """

    namespace: str | None
    owner: str
    alias: str
    path: str = ""

    def __str__(self) -> str:
        parts = (self.namespace, self.owner, self.alias, self.path)
        return "/".join(part for part in parts if part)


def parse_endpoint_id(endpoint_id: object) -> EndpointId:
    """Return the parts of an endpoint id.

    Args:
        endpoint_id: `owner/alias[/path]`, after `workflows/` or `comfy/` if it is one of these. The
            old form `12345-alias` means `12345/alias`, as in fal's own clients.

    Raises:
        ConfigError: It is anything else, such as a URL, or a path with `..`.
    """
    if not isinstance(endpoint_id, str):
        raise _bad(endpoint_id)
    return _parse(endpoint_id)


@lru_cache(256)
def _parse(endpoint_id: str) -> EndpointId:
    old = _OLD_FORM.fullmatch(endpoint_id)
    segments = list(old.groups()) if old else endpoint_id.split("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise _bad(endpoint_id)
    namespace = segments.pop(0) if segments[0] in NAMESPACES else None
    if len(segments) < 2:
        raise _bad(endpoint_id)
    return EndpointId(namespace, segments[0], segments[1], "/".join(segments[2:]))


def _bad(endpoint_id: object) -> ConfigError:
    hint = "an address goes into the url option"
    if isinstance(endpoint_id, str):
        shown, mark, _ = endpoint_id.partition("?")
        shown, other_mark, _ = shown.partition("#")
        if mark and "://" not in shown:
            hint = "a query goes into the query_params option"
        mark = other_mark or mark
        shown = without_user(shown)
        if "://" not in shown and ":" in shown:
            # No endpoint id has a colon, and every key has one.
            shown, mark = shown.partition(":")[0], ":"
            hint = "a key goes into credentials=..., and an address into the url option"
        endpoint_id = f"{shown}{mark and mark + '...'}"
    return ConfigError(
        f"endpoint_id={short_repr(endpoint_id)} is not an endpoint id: give owner/alias[/path] as "
        f"on the model's page, like 'fal-ai/flux/dev'; {hint}"
    )


def stream_path(endpoint_id: EndpointId, path: object = DEFAULT_PATH) -> str:
    """Return the path that an endpoint streams from, without a leading slash.

    Args:
        endpoint_id: The endpoint.
        path: The path to append, with or without a leading slash; `""` for none. Default:
            `/stream`, unless the id ends in it.

    Raises:
        ConfigError: `path` is not a path, has a query, or contains `..`.
    """
    app = str(endpoint_id)
    if path == "" or (path == DEFAULT_PATH and app.endswith(DEFAULT_PATH)):
        return app
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise _bad_path(path)
    return f"{app}/{path.removeprefix('/')}"


def _bad_path(path: object) -> ConfigError:
    hint = "give what follows the endpoint id, like '/audio/speech', or '' for nothing"
    if isinstance(path, str) and "://" in path:
        hint = "an address goes into the url option"
    elif isinstance(path, str) and "?" in path:
        # Not shown in the message, because a query may contain a token.
        path = path[: path.index("?")] + "?..."
        hint = "a query goes into the query_params option"
    return ConfigError(f"path={short_repr(path)} is not the path of an endpoint: {hint}")


def stream_url(run_url: str, endpoint_id: EndpointId, path: object = DEFAULT_PATH) -> str:
    """Return the URL that an endpoint streams from.

    Args:
        run_url: The server that runs apps, without a slash at its end.
        endpoint_id: The endpoint.
        path: The path to append, as for `stream_path`. Default: `/stream`.

    Raises:
        ConfigError: `path` can't be used.
    """
    return f"{run_url}/{stream_path(endpoint_id, path)}"


def backup_url(url: str) -> str | None:
    """Return the URL to try if `fal.run` can't be reached, as fal's Python client does.

    Args:
        url: The URL that can't be reached.

    Returns:
        The same URL on the backup host, or None if there is no backup host.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or (parts.hostname or "").lower() != RUN_HOST:
        return None
    port = "" if parts.port is None else f":{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{BACKUP_HOST}{port}"))


@lru_cache(64)  # called several times for each request
def is_loopback(host: str) -> bool:
    """Return whether a host is `localhost` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(256)  # called several times for each request
def host_of(netloc: str) -> str:
    """Return the host of the authority part of a URL, in lower case."""
    return SplitResult("", netloc, "", "", "").hostname or ""


def names_this_machine(host: str) -> bool:
    """Return whether a host could lead to this machine, however it is written.

    Broader than `is_loopback`, which decides what is trusted: this decides what a server must not
    redirect us to. IPv4 addresses without dots, in octal or in hexadecimal count, too.
    """
    host = host.lower().rstrip(".").partition("%")[0]
    if host == "localhost" or host.endswith((".localhost", ".localdomain")):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _OLD_ADDRESS.fullmatch(host) is not None
    mapped = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or mapped.is_loopback or mapped.is_unspecified


def may_have_key(url: str, trusted_hosts: Collection[str]) -> bool:
    """Return whether the key may be sent to a URL.

    Args:
        url: The URL.
        trusted_hosts: Hosts besides fal's own.

    Returns:
        True for this machine, and over https for fal's hosts, their subdomains and the trusted
        hosts.
    """
    parts = urlsplit(url)
    host = host_of(parts.netloc)
    if is_loopback(host):
        return True
    if parts.scheme != "https":
        return False
    is_fal = any(host == known or host.endswith(f".{known}") for known in FAL_HOSTS)
    return is_fal or host in trusted_hosts


def same_origin(first: str, second: str) -> bool:
    """Return whether two URLs have the same scheme, host and port (RFC 6454, section 5)."""
    return _origin(first) == _origin(second)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port
