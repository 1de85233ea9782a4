"""Keeps tokens out of other libraries' logs: httpx logs the address of each request."""

from __future__ import annotations

import logging

from .._shared.tokens import TOKEN_PARAMETER, mask_token


class _TokenMask(logging.Filter):
    """Lets every record pass, without the tokens in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if TOKEN_PARAMETER in text:
            record.msg, record.args = mask_token(text), None
        return True


_MASK = _TokenMask()


def mask_tokens_in_logs() -> None:
    """See to it that httpx's log lines show no token; a second call does nothing."""
    logging.getLogger("httpx").addFilter(_MASK)
