"""`HTTPError`: raised anywhere in the server to answer a request with an error status.

The reply has the format of fal's errors. It is caught in `request_handler`.
"""

from __future__ import annotations

from fal_stream.testing.reply import Failure
from fal_stream.testing.request import RecordedRequest

__all__ = ["HTTPError", "check_method", "invalid"]


class HTTPError(Exception):
    """A request that is answered with an error.

    Attributes:
        failure: The error response.
    """

    def __init__(self, status: int, detail: object = None, allow: str | None = None) -> None:
        super().__init__(status, detail)
        headers = {"allow": allow} if allow else None
        self.failure: Failure = Failure(status, detail, headers=headers)


def check_method(request: RecordedRequest, *allowed: str) -> None:
    """Check that the method of a request is one of those that are allowed.

    Raises:
        HTTPError: It is another one.
    """
    if request.method not in allowed:
        raise HTTPError(405, allow=", ".join(allowed))


def invalid(loc: list[str], msg: str, type: str) -> HTTPError:
    """Return the error for a wrong value outside of the body, in FastAPI's format.

    Args:
        loc: The place of the value.
        msg: What is wrong with the value.
        type: The name of the error.
    """
    return HTTPError(422, [{"type": type, "loc": loc, "msg": msg}])
