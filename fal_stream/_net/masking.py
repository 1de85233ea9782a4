"""Keeps secrets out of other libraries' logs: httpx logs the address of each request.

Of our own requests the whole query is hidden: it may be a token, or the signature of an upload.
Other requests of the same program lose nothing but a token of fal's.
"""

from __future__ import annotations

import logging
import re

from ..errors import mask_token
from .exchange import current

_QUERY = re.compile(r"\?[^\s'\"<>]+")
_AUTH = re.compile(r"auth=\(.*\)")


_ROOMS = ("connection", "http11", "proxy", "socks")


class _Mask(logging.Filter):
    """Lets every record pass, without the secrets in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except Exception:
            return True  # whoever writes it will say what is wrong with it
        hidden = mask_token(text)
        if current.get() is not None:
            hidden = _AUTH.sub("auth=***", _QUERY.sub("?***", hidden))
        if hidden != text:
            record.msg, record.args = hidden, None
        return True


_MASK = _Mask()


def mask_secrets_in_logs() -> None:
    """See to it that no secret of ours stands in others' logs; a second call does nothing."""
    for name in ("httpx", *(f"httpcore.{room}" for room in _ROOMS)):
        logging.getLogger(name).addFilter(_MASK)
