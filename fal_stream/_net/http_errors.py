"""Recognize the exceptions of HTTP libraries without importing the libraries."""

from __future__ import annotations

from .._signal_errors import raised_by_signal_handler

# httpx, httpx2 and their parts: their exceptions are failures of the network.
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
    """What an HTTP library raised, by its text: the original may hold what is secret."""


def is_of_http_library(error: Exception) -> bool:
    """Return whether an exception is one of an HTTP library, or of the system's network."""
    if isinstance(error, OSError):
        return True
    return any(kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__)


def reason_of(error: Exception) -> str:
    """Return what an error of an HTTP library says, or what one says that it came of.

    Some have no text: trio's, for one, when a certificate isn't trusted.
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
    """Return what comes out of a read in which an HTTP library raised something.

    Returns:
        A HttpLibraryError, where it is of the library; else the error itself, or the one that a
        signal handler raised in the middle of the library.
    """
    raised = raised_by_signal_handler(error)
    if isinstance(raised, Exception):
        return raised
    if is_of_http_library(error):
        return HttpLibraryError(reason_of(error))
    return error
