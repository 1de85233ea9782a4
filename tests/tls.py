"""TLS for tests that need a client's side of their own."""

from __future__ import annotations

import ssl

__all__ = ["HIDES_CUTS", "client_context", "is_cut"]

HIDES_CUTS: int = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
"""The option by which a cut connection looks like its end; 0 without OpenSSL 3."""


def client_context() -> ssl.SSLContext:
    """Make a context that notices a cut connection, with any build of Python."""
    context = ssl.create_default_context()
    context.options &= ~HIDES_CUTS
    return context


def is_cut(error: BaseException) -> bool:
    """Tell whether an error says that the connection was cut, also in the words of 3.11.2."""
    if isinstance(error, ssl.SSLEOFError):
        return True
    return isinstance(error, ssl.SSLError) and error.reason == "UNEXPECTED_EOF_WHILE_READING"
