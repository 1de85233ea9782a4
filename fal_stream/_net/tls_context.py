"""The TLS settings: clients with the same certificate authorities share one `SSLContext`.

Reading the file of certificate authorities can take as long as opening a connection, so a thread
does it during the DNS look-up and the TCP handshake.
"""

from __future__ import annotations

import errno
import os
import ssl

import httpx

from .._signal_errors import raised_by_signal_handler
from ..errors import ConfigError
from .async_exchange import AsyncExchange
from .cached_value import CachedValue
from .sync_exchange import Exchange

# Only with OpenSSL 3.
_IGNORE_UNEXPECTED_EOF: int = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)

_contexts: dict[tuple[str | None, str | None], CachedValue[ssl.SSLContext]] = {}


def load_tls_context() -> None:
    """Start loading the settings, unless they are loaded; `async_tls_context` waits for them."""
    loading = _context_here()
    if loading.value is None:
        loading.begin(lambda _: None)


async def async_tls_context(exchange: AsyncExchange) -> ssl.SSLContext:
    """Return the settings for the certificate authorities that the environment currently sets.

    Args:
        exchange: Applies the timeouts and the abort.

    Raises:
        ConfigError: The certificate authorities can't be loaded.
        OSError: No file can be opened at the moment.
        Aborted: The exchange was aborted.
        Expired: A limit of the watchdog has run out.
    """
    loading = _context_here()
    return loading.value or (await exchange.wait_for_callback(loading.begin))()


def tls_context(exchange: Exchange) -> ssl.SSLContext:
    """See `async_tls_context`."""
    loading = _context_here()
    return loading.value or exchange.wait_for_callback(loading.begin)()


def _context_here() -> CachedValue[ssl.SSLContext]:
    # The environment variables that httpx and OpenSSL read.
    names = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return _contexts.get(names) or _contexts.setdefault(names, CachedValue(_load))


def _load() -> ssl.SSLContext:
    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        if raised_by_signal_handler(error) is not None:
            raise
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # no file can be opened now, whichever it is
        reason = str(error)
    else:
        # Some builds of Python set this option, which hides that a TLS connection was cut off.
        context.options &= ~_IGNORE_UNEXPECTED_EOF
        # The protocols to offer (ALPN): HTTP/2 is not supported.
        context.set_alpn_protocols(["http/1.1"])
        return context
    raise ConfigError(
        f"The authorities for TLS can't be loaded ({reason}): check the environment variables "
        "SSL_CERT_FILE and SSL_CERT_DIR"
    )
