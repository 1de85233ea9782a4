"""Choose the proxy for a URL by the proxy variables and `NO_PROXY`.

`NO_PROXY` is read as httpx reads it (https://www.python-httpx.org/environment_variables/): host
names, which include their subdomains; names that begin with a dot, for the subdomains only; IP
addresses; each of these with a port; `*`; `scheme://name` and `scheme://*`. Networks (`10.0.0.0/8`)
are accepted too, as by curl and requests.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping


def choose_proxy(proxies: Mapping[str, str], scheme: str, host: str, port: int) -> str | None:
    """Return the URL of the proxy for a URL, which always has a scheme; None for no proxy.

    Args:
        proxies: The proxies by scheme, with `all` for every scheme, and `NO_PROXY` as `no`.
        scheme: The scheme of the URL.
        host: The host of the URL.
        port: The port of the URL.
    """
    url = proxies.get(scheme) or proxies.get("all")
    if not url or any(
        _covers(entry.strip(), scheme, host, port) for entry in proxies.get("no", "").split(",")
    ):
        return None
    return url if "://" in url else f"http://{url}"


def _covers(entry: str, scheme: str, host: str, port: int) -> bool:
    """Return whether an entry of `NO_PROXY` matches a URL."""
    if entry == "*":
        return True
    wanted_scheme, has_scheme, rest = entry.rpartition("://")
    if has_scheme and wanted_scheme.lower() not in ("all", scheme):
        return False
    name, wanted_port = _split_port(rest)
    if wanted_port not in ("", str(port)):
        return False
    if (not name and wanted_port) or (has_scheme and name in ("", "*")):
        return True  # every host with this port or scheme
    address, network = _address(host), _network(name)
    if address is not None or network is not None:
        return address is not None and network is not None and address in network
    is_exact = bool(has_scheme) and not name.startswith("*")
    name, host = _plain(name.removeprefix("*")), _plain(host)
    if name.startswith("."):
        return len(name) > 1 and host.endswith(name)
    return host == name or (not is_exact and bool(name) and host.endswith(f".{name}"))


def _split_port(text: str) -> tuple[str, str]:
    """Return host and port of `host:port`, `[host]:port`, or either without a port."""
    if text.startswith("["):
        name, _, rest = text[1:].partition("]")
        return name, rest.removeprefix(":")
    name, colon, port = text.rpartition(":")
    # More than one colon is an IPv6 address.
    return (name, port) if colon and ":" not in name else (text, "")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _plain(name: str) -> str:
    """Return a host name for comparison: in lower case, in IDNA encoding."""
    name = name.lower().removesuffix(".")
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
