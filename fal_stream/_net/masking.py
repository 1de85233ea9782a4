"""Keeps secrets out of other libraries' logs: httpx logs the address of each request.

Of our own requests the whole query is hidden: it may be a token, or the signature of an upload. So
is what else is secret in them, which a server may say again in the head of its answer. Other
requests of the same program lose nothing but a token of fal's.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from contextvars import ContextVar

from .._shared.redact import MASK, Redactor
from ..errors import mask_token

_QUERY = re.compile(r"\?[^\s'\"<>]+")
_AUTH = re.compile(r"auth=\(.*\)")

_redactor: ContextVar[Redactor | None] = ContextVar("redactor", default=None)

# The last two serve an HTTP client of the user's that speaks HTTP/2: hpack logs each header.
_LOGGERS = (
    "httpx",
    *(f"httpcore.{room}" for room in ("connection", "http11", "http2", "proxy", "socks")),
    "hpack.hpack",
    "hpack.table",
)


class _Mask(logging.Filter):
    """Lets every record pass, without the secrets in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except Exception:
            return True  # whoever writes it will say what is wrong with it
        hidden = mask_token(text)
        if _redactor.get() is not None:
            hidden = _AUTH.sub(f"auth={MASK}", _QUERY.sub(f"?{MASK}", hidden))
        redactor = _redactor.get()
        if redactor is not None:
            hidden = redactor.text(hidden)
        if hidden != text:
            record.msg, record.args = hidden, None
        return True


_MASK = _Mask()


def mask_secrets_in_logs() -> None:
    """See to it that no secret of ours stands in others' logs; a second call does nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_MASK)


@contextlib.contextmanager
def masked_in_logs(redactor: Redactor) -> Iterator[None]:
    """Mask the secrets of a request in what is logged in this context.

    Args:
        redactor: Knows the secrets.
    """
    token = _redactor.set(redactor)
    try:
        yield
    finally:
        _redactor.reset(token)
