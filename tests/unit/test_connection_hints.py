"""What to do about a connection that failed."""

from __future__ import annotations

import pytest

from fal_stream._shared.connection_hints import hint_for


@pytest.mark.parametrize(
    ("reason", "text", "transient"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "use http://", False),
        ("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred", "use http://", True),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
            "SSL_CERT_FILE",
            False,
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate",
            "SSL_CERT_FILE",
            False,
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired",
            "clock",
            False,
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate is not valid for 'fal.run'.",
            "check the host",
            False,
        ),
        ("a proxy with an https address can't be used for an https address", "HTTPS_PROXY", False),
        ("the proxy answered 407 Proxy Authentication Required to CONNECT", "HTTPS_PROXY", True),
        ("the proxy answered 407 Proxy Authentication Required to CONNECT", "the login", True),
        ("TLS with the proxy: [SSL: WRONG_VERSION_NUMBER] wrong version", "the proxy seems", False),
        ("the connection was closed in the TLS handshake", "use http://", True),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert", "http_client", False),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate is not yet valid",
            "clock",
            False,
        ),
        ("'.example' is not a valid host name", "check the host name", False),
        ("[Errno 24] Too many open files", "ulimit -n", True),
        ("The response has the Transfer-Encoding b'gzip', not chunked", "gateway", True),
        ("the answer does not begin as one of HTTP/1.1: b'SSH-2.0'", "another protocol", True),
        ("it is not valid HTTP: the server answered 101", "the fault is the server's", True),
        ("nowhere: [Errno -2] Name or service not known", "DNS", True),
        ("[Errno 111] Connection refused", "the network and the proxy settings", True),
    ],
)
def test_the_hint_fits(reason: str, text: str, transient: bool) -> None:
    hint = hint_for(reason)
    assert text in hint.text
    assert hint.transient is transient
