"""Find the proxy for a URL in the environment variables or the system's settings."""

from __future__ import annotations

import importlib.util
import os
import sys

from .._shared.endpoint import is_loopback
from .._shared.proxy_settings import choose_proxy
from ..errors import ConfigError


def proxy_for(scheme: str, host: str, port: int) -> str | None:
    """Return the URL of the proxy for a URL's scheme, host and port, or None.

    `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read. A loopback host is never
    reached through a proxy.

    Raises:
        ConfigError: It is a SOCKS proxy, and the package for it is not installed.
    """
    if is_loopback(host):
        return None
    url = choose_proxy(_proxies(scheme, host), scheme, host, port)
    is_socks = url is not None and url.lower().startswith(("socks5:", "socks5h:"))
    if is_socks and importlib.util.find_spec("socksio") is None:
        raise ConfigError(
            "The environment names a SOCKS proxy: pip install 'fal_stream[socks]', "
            "or list the host in NO_PROXY"
        )
    return url


def _proxies(scheme: str, host: str) -> dict[str, str]:
    if sys.platform in ("darwin", "win32"):
        return _system_proxies(host)
    # Not with `urllib`, which reads every environment variable: this runs for each request.
    proxies = {kind: url for kind in (scheme, "all") if (url := _variable(f"{kind}_proxy"))}
    if proxies:
        proxies["no"] = _variable("no_proxy")
    return proxies


def _variable(name: str) -> str:
    value = os.environ.get(name)
    # In a CGI program, HTTP_PROXY is a header of the request (https://httpoxy.org).
    if value is None and not (name == "http_proxy" and "REQUEST_METHOD" in os.environ):
        value = os.environ.get(name.upper())
    return value or ""


def _system_proxies(host: str) -> dict[str, str]:
    """Return the proxies of the environment variables, or those of the system's settings."""
    import urllib.request

    proxies = urllib.request.getproxies()
    # The system's settings have their own list of exceptions.
    is_direct = "no" not in proxies and urllib.request.proxy_bypass(host)
    return {} if is_direct else proxies
