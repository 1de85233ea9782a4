from __future__ import annotations

import ssl
import time

import httpx
import pytest

from fal_stream._net.sync_exchange import new_exchange
from fal_stream._net.tls_context import tls_context
from fal_stream._shared.watchdog import Limits, Watchdog

IGNORES_CUT_CONNECTIONS = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


@pytest.mark.skipif(not IGNORES_CUT_CONNECTIONS, reason="it comes with OpenSSL 3")
def test_a_python_that_hides_cut_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's Python 3.11.2 sets the option in each context."""
    context = ssl.create_default_context()
    context.options |= IGNORES_CUT_CONNECTIONS
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: context)
    # Contexts are kept by these variables.
    monkeypatch.setenv("SSL_CERT_FILE", "not read by the function above")
    loaded = tls_context(new_exchange(Watchdog(Limits(), time.monotonic)))
    assert loaded is context
    assert not loaded.options & IGNORES_CUT_CONNECTIONS
