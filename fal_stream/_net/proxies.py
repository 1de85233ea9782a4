"""Which proxy the environment names for an address."""

from __future__ import annotations

import importlib.util
import urllib.request

from .._shared.endpoint import is_loopback
from ..errors import ConfigError


def proxy_for(scheme: str, host: str, port: int) -> str | None:
    """Give the proxy for an address, by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.

    This machine itself is never reached through a proxy.

    Args:
        scheme: The address's scheme.
        host: The address's host.
        port: The address's port.

    Returns:
        The proxy's address, or None.

    Raises:
        ConfigError: It is a SOCKS proxy, and what that needs is not installed.
    """
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    url = proxies.get(scheme) or proxies.get("all")
    if not url:
        return None
    if "://" not in url:
        url = f"http://{url}"
    if url.startswith(("socks5://", "socks5h://")):
        if importlib.util.find_spec("socksio") is None:
            raise ConfigError(
                "The environment names a SOCKS proxy: pip install 'fal_stream[socks]', "
                "or list the host in NO_PROXY"
            )
        return url
    return url
