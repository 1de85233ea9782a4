"""Hints for connection errors: what to do, chosen by the error's text."""

from __future__ import annotations

import errno
from typing import NamedTuple

_CHECK_ALL = "check the address, the network and the proxy settings"
_FILES = f"[Errno {errno.EMFILE}]"


class Hint(NamedTuple):
    """Advice for a failure.

    Attributes:
        text: What the user can do.
        transient: Whether a retry may help. Default True.
    """

    text: str
    transient: bool = True


_ENDED_IN_TLS = Hint(
    "the server ended the connection during TLS: if it speaks plain HTTP, use http:// (an address "
    "without a scheme, as in FAL_RUN_HOST, means https://)"
)

# A part of the error's text, and the hint; the first match counts.
_HINTS = (
    (
        "TLS with the proxy: [SSL: WRONG_VERSION_NUMBER",
        Hint(
            "the proxy seems to speak plain HTTP: give its address http:// instead of https://",
            False,
        ),
    ),
    (
        "WRONG_VERSION_NUMBER",
        Hint(
            "the server seems to speak plain HTTP: use http:// (an address without a scheme, as in "
            "FAL_RUN_HOST, means https://)",
            False,
        ),
    ),
    ("UNEXPECTED_EOF_WHILE_READING", _ENDED_IN_TLS),
    ("closed in the TLS handshake", _ENDED_IN_TLS),
    (
        "ALERT_CERTIFICATE_REQUIRED",
        Hint("the server wants a certificate: give the client an http_client that has it", False),
    ),
    (
        "self-signed certificate",
        Hint("if it is to be trusted, name its authority's file in SSL_CERT_FILE", False),
    ),
    (
        "certificate has expired",
        Hint("the certificate is the server's to renew; check this machine's clock too", False),
    ),
    ("certificate is not yet valid", Hint("check this machine's clock", False)),
    (
        "not valid for",
        Hint("the certificate is for another host: check the host in the address", False),
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        Hint(
            "if its authority is to be trusted (that of a company's proxy, for one), name its file "
            "in SSL_CERT_FILE",
            False,
        ),
    ),
    (
        "proxy with an https address",
        Hint("change the address in HTTPS_PROXY or ALL_PROXY", False),
    ),
    (
        "the proxy answered 407",
        Hint("put the login that the proxy wants into its address, in HTTPS_PROXY or ALL_PROXY"),
    ),
    ("proxy", Hint("check the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names")),
    ("too many open files", Hint("close streams that are not read, or raise `ulimit -n`")),
    ("Too many open files", Hint("close streams that are not read, or raise `ulimit -n`")),
    ("no thread can be started", Hint("run fewer threads, or raise `ulimit -u`")),
    ("is not a valid host name", Hint("check the host name in the address", False)),
    # The look-up raised an unusual exception: the host is not a valid name, or a sandbox blocks it.
    ("look-up of the name raised", Hint("check the host name in the address", False)),
    ("Transfer-Encoding", Hint("a proxy or gateway on the way has changed the answer")),
    (
        "does not begin as one of HTTP/1.1",
        Hint("check the address and the port: something there speaks another protocol"),
    ),
    ("is not valid HTTP", Hint("the fault is the server's, or that of a proxy on the way")),
    ("Name or service not known", Hint("check the host name in the address, and DNS")),
    ("has no address", Hint("check the host name in the address, and DNS")),
)


def hint_for(reason: str) -> Hint:
    """Return the hint for a connection error, chosen by its text."""
    for part, hint in _HINTS:
        if part in reason:
            return hint
    return Hint(_CHECK_ALL)
