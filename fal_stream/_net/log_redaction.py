"""Redact the secrets of a request in the log records of HTTP libraries.

httpx logs the URL of each request, httpcore the headers of the response, hpack each header. The
names of their loggers differ by version, so names don't matter here: any record that is created
while one of our requests is sent, or its response is read, is searched for the secrets of that
request. Records of other requests are not changed, and neither are loggers, handlers, levels and
filters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any

from .._shared.redact import MASK, Redactor
from .._signal_errors import raised_by_signal_handler


class RedactedLogs:
    """A context manager that masks the secrets of one request in what is logged.

    Args:
        url: The URL of the request. The whole query is masked: it may be a token, or the signature
            of an upload.
        redactor: Masks the other secrets.
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

    Everything up to the last parenthesis is masked, because a password may contain parentheses.
    """
    start, end = text.find("auth=("), text.rfind(")")
    if start < 0:
        return text
    return f"{text[:start]}auth={MASK}{text[end + 1 :] if end > start else ''}"


_current: ContextVar[RedactedLogs | None] = ContextVar("redacted_logs", default=None)


class _RecordFactory:
    """A factory that masks the secrets in the log records of another factory.

    Args:
        make: The other factory.
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
        return  # the handler will report the error
    hidden = logs.redact(text)
    if hidden != text:
        record.msg, record.args = hidden, None


def _install_record_factory() -> None:
    """Install our factory, on top of the current one, which may be the user's."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _RecordFactory):
        logging.setLogRecordFactory(_RecordFactory(make))
