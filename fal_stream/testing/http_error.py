"""`HTTPError`: raised anywhere in the server to refuse a request with a status.

The reply has the format of fal's errors. Elsewhere: catching it (`request_handler`).
"""

from __future__ import annotations

from fal_stream.testing.reply import Failure
from fal_stream.testing.request import RecordedRequest

__all__ = ["HTTPError", "check_method", "invalid"]


class HTTPError(Exception):
    """A request cannot be answered as the client wishes.

    Attributes:
        failure: What it is answered instead.
    """

    def __init__(self, status: int, detail: object = None, allow: str | None = None) -> None:
        super().__init__(status, detail)
        headers = {"allow": allow} if allow else None
        self.failure: Failure = Failure(status, detail, headers=headers)


def check_method(request: RecordedRequest, *allowed: str) -> None:
    """Refuse a request with another method than those that an address has.

    Args:
        request: The request.
        *allowed: The methods.

    Raises:
        Refused: The method is another one.
    """
    if request.method not in allowed:
        raise HTTPError(405, allow=", ".join(allowed))


def invalid(loc: list[str], msg: str, type: str) -> HTTPError:
    """Make the refusal of one value outside the body, in FastAPI's shape.

    Args:
        loc: Where the value stands.
        msg: What is wrong with it.
        type: The name of the error.

    Returns:
        The refusal, to be raised.
    """
    return HTTPError(422, [{"type": type, "loc": loc, "msg": msg}])
