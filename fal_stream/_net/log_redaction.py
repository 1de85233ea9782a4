"""Redact the secrets of a request in the log records of HTTP libraries.

httpx logs the address of each request, httpcore the headers of the response, hpack each header, and
the names of their loggers differ by version. So names don't matter: any record that is created
while one of our requests is sent or read is searched for the secrets of that request. Records of
other requests stay as they are, and so do loggers, handlers, levels and filters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any

from .._shared.redact import MASK, Redactor
from .._signal_errors import raised_by_signal_handler


class RedactedLogs:
    """Masks the secrets of one request in what is logged in a `with` of it.

    Args:
        url: The address of the request. The whole query is masked: it may be a token, or the
            signature of an upload.
        redactor: Knows what else is secret.
    """

    def __init__(self, url: str, redactor: Redactor) -> None:
        self._query = url.partition("#")[0].partition("?")[2]
        self._redactor = redactor
        self._token: Token[RedactedLogs | None] | None = None

    def __enter__(self) -> None:
        _install_record_factory()
        self._token = _current.set(self)

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            _current.reset(self._token)

    def context(self) -> Context:
        """Return a copy of this context in which the secrets are masked."""
        context = copy_context()
        context.run(_current.set, self)
        return context

    def redact(self, text: str) -> str:
        """Mask the secrets in a text."""
        if self._query:
            text = text.replace(f"?{self._query}", f"?{MASK}")
        return self._redactor.text(_without_password(text))


def _without_password(text: str) -> str:
    """Mask the user and password of a SOCKS proxy, which httpcore logs.

    It is masked up to the last parenthesis, as it may have parentheses of its own.
    """
    start, end = text.find("auth=("), text.rfind(")")
    if start < 0:
        return text
    return f"{text[:start]}auth={MASK}{text[end + 1 :] if end > start else ''}"


_current: ContextVar[RedactedLogs | None] = ContextVar("redacted_logs", default=None)


class _RecordFactory:
    """Makes log records as the factory before it does, and masks what is secret in them.

    Args:
        make: The factory before it.
    """

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(self, *args: Any, **options: Any) -> logging.LogRecord:
        record = self._make(*args, **options)
        logs = _current.get()
        # If the message is not a text, the program formats it itself.
        if logs is not None and isinstance(record.msg, str):
            _redact(record, logs)
        return record


def _redact(record: logging.LogRecord, logs: RedactedLogs) -> None:
    try:
        text = record.getMessage()
    except Exception as error:
        if raised_by_signal_handler(error) is not None:
            raise
        return  # the handler will report what is wrong with it
    hidden = logs.redact(text)
    if hidden != text:
        record.msg, record.args = hidden, None


def _install_record_factory() -> None:
    """Have records made by our factory, over the one that the program may have set meanwhile."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _RecordFactory):
        logging.setLogRecordFactory(_RecordFactory(make))
