"""Recognize the exceptions of HTTP libraries without importing the libraries."""

from __future__ import annotations

from .._signal_errors import raised_by_signal_handler

# httpx, httpx2 and the packages they use.
_LIBRARIES = frozenset(
    {
        "anyio",
        "h11",
        "h2",
        "hpack",
        "httpcore",
        "httpcore2",
        "httpx",
        "httpx2",
        "hyperframe",
        "socksio",
        "trio",
    }
)


class HttpLibraryError(Exception):
    """The text of an HTTP library's exception, which itself may contain secrets."""


def is_of_http_library(error: Exception) -> bool:
    """Return whether an exception is an HTTP library's, or an `OSError`."""
    if isinstance(error, OSError):
        return True
    return any(kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__)


def reason_of(error: Exception) -> str:
    """Return the text of an HTTP library's exception, or else that of the exception it came from.

    Some have no text, such as trio's for a certificate that isn't trusted.
    """
    one: BaseException | None = error
    seen: set[int] = set()
    while isinstance(one, Exception) and is_of_http_library(one) and id(one) not in seen:
        if str(one):
            return str(one)
        seen.add(id(one))
        one = one.__cause__ or one.__context__
    return type(error).__name__


def read_error(error: Exception) -> Exception:
    """Return the exception to raise for one that a read with an HTTP library has raised.

    Returns:
        An `HttpLibraryError` for an exception of the library. Otherwise the exception itself, or
        the one that a signal handler raised while the library was running.
    """
    raised = raised_by_signal_handler(error)
    if isinstance(raised, Exception):
        return raised
    if is_of_http_library(error):
        return HttpLibraryError(reason_of(error))
    return error
