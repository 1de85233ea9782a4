"""Make the errors of timeouts that ran out."""

from __future__ import annotations

from ..errors import StreamTimeout
from .watchdog import OPTION_OF_PHASE, Expired, Phase

_WHAT: dict[Phase, str] = {
    "start": "The server did not begin to answer",
    "idle": "The server showed no sign of life",
    "event": "No chunk came",
    "total": "The stream did not end",
}


def timeout_error(expired: Expired, delivered: str) -> StreamTimeout:
    """Return the error of a limit that ran out.

    Args:
        expired: The limit.
        delivered: What had come, like `2 chunks`.

    Returns:
        The error; it names the option that sets the limit.
    """
    happened = f"{_WHAT[expired.phase]} within {expired.seconds:g} s, after {delivered}"
    return _error(expired, happened, "the app needs longer")


def upload_timeout_error(expired: Expired, what: str) -> StreamTimeout:
    """Return the error of a limit that ran out in an upload.

    Args:
        expired: The limit.
        what: What was being uploaded.

    Returns:
        The error; it names the option that sets the limit.
    """
    happened = f"The upload of {what} stood still for {expired.seconds:g} s"
    return _error(expired, happened, "the network needs longer")


def _error(expired: Expired, happened: str, need: str) -> StreamTimeout:
    option = OPTION_OF_PHASE[expired.phase]
    return StreamTimeout(
        f"{happened}; raise {option} if {need}, {option}=None waits forever",
        phase=expired.phase,
        seconds=expired.seconds,
        option=option,
    )
