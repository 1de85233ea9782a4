"""The exit codes, their meanings, and the exit code and message lines of each error.

The messages have no traceback, and no line breaks from the server's text.
"""

from __future__ import annotations

from fal_stream._cli.messages import in_shell_words
from fal_stream.errors import (
    ApiError,
    ConfigError,
    EventTooLarge,
    FalStreamError,
    StreamConnectionError,
    StreamDecodeError,
    StreamEventError,
    StreamInterrupted,
    StreamTimeout,
    TokenError,
    UploadError,
    ValidationError,
    excerpt,
)

OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
NO_CONNECTION = 4
TIMEOUT = 5
INTERRUPTED = 6
UNDECODABLE = 7
CTRL_C = 130
OUTPUT_CLOSED = 141

MEANINGS = {
    OK: "the stream ended without an error",
    FAILED: "another failure: a file or stdout could not be written, an upload failed, "
    "--output found no file",
    USAGE: "wrong arguments, input, settings or key; nothing was sent",
    REFUSED: "the server or the app answered with an error",
    NO_CONNECTION: "no answer: the server could not be reached, or closed the connection",
    TIMEOUT: "a timeout ran out",
    INTERRUPTED: "the connection broke, or the stream ended in the middle of an event",
    UNDECODABLE: "something in the stream could not be decoded, or was too large",
    CTRL_C: "Ctrl-C",
    OUTPUT_CLOSED: "the program that reads stdout has ended, as in `| head -1`",
}

_CODES: tuple[tuple[type[FalStreamError], int], ...] = (
    (ConfigError, USAGE),
    (ApiError, REFUSED),
    (StreamEventError, REFUSED),
    (StreamConnectionError, NO_CONNECTION),
    (StreamTimeout, TIMEOUT),
    (StreamInterrupted, INTERRUPTED),
    (StreamDecodeError, UNDECODABLE),
    (EventTooLarge, UNDECODABLE),
)

_MAX_FIELDS = 20


class OutputError(Exception):
    """The output could not be written."""


class OutputClosed(Exception):
    """The program that reads stdout has ended."""


def exit_code(error: FalStreamError) -> int:
    """Return the exit code of an error; for a failed upload or token, that of its cause."""
    cause = error.__cause__
    if isinstance(error, (UploadError, TokenError)) and isinstance(cause, FalStreamError):
        return exit_code(cause)
    if isinstance(error, ApiError) and error.is_user_timeout:
        return TIMEOUT
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def error_lines(error: FalStreamError) -> list[str]:
    """Return the lines for an error: one, and another one for each wrong field of an input."""
    lines = [in_shell_words(error)]
    if isinstance(error, ValidationError) and len(error.field_errors) > 1:
        for entry in error.field_errors[:_MAX_FIELDS]:
            place = ".".join(str(part) for part in entry.loc if part != "body")
            lines.append(f"  {excerpt(place, 100) or 'input'}: {excerpt(entry.msg)}")
    return [" ".join(line.split("\n")).rstrip() for line in lines]
