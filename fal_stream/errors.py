"""The errors of fal_stream.

Every error that the library raises on purpose is a `FalStreamError`. Its message says what
happened, names the endpoint and the request id, and says what to do. It contains no secret, and no
exception of the HTTP library is attached to it. Texts of the server are quoted unchanged, except
that the key, the token or the signature of its request is replaced by `***`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

from ._ipython import render_traceback

__all__ = [
    "ApiError",
    "AuthenticationError",
    "ConfigError",
    "EventTooLarge",
    "FalStreamError",
    "FieldError",
    "FileError",
    "IncompleteStream",
    "NotFoundError",
    "OutputValidationError",
    "PermissionDeniedError",
    "RateLimitError",
    "StreamConnectionError",
    "StreamDecodeError",
    "StreamEventError",
    "StreamInterrupted",
    "StreamTimeout",
    "TokenError",
    "UploadError",
    "ValidationError",
]

ErrorT = TypeVar("ErrorT", bound=Exception)

_EXCERPT = 300

_TOKEN = re.compile(r"(fal_jwt_token=)[A-Za-z0-9._~+/=%-]+")

# A fal key: its id is a UUID, and the part after the colon is secret.
_KEY = re.compile(
    r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?::|%3[Aa]))[\w-]+",
    re.ASCII,
)

# Characters that can't be encoded as UTF-8, or that control a terminal.
_UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def mask_secrets(text: str) -> str:
    """Return a text with `***` instead of the tokens in URLs and the secret part of fal keys.

    Keys are recognized by their form: one may have been passed as the wrong argument, or may be
    unknown to the client (the key of a proxy).
    """
    if "fal_jwt_token" in text:
        text = _TOKEN.sub(r"\1***", text)
    return _KEY.sub(r"\1***", text)


def printable(text: str) -> str:
    """Return a text that is safe to print.

    Lone surrogates, control characters (except tab and line feed) and characters that change the
    direction of the text are escaped.
    """
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def excerpt(text: str, limit: int = _EXCERPT) -> str:
    """Return a text, or its first `limit` characters and its length, for a message.

    The text is made safe to print (see `printable`), and what looks like a secret is masked.
    """
    start = printable(mask_secrets(text[:limit]))
    if len(text) <= limit and len(start) <= limit:
        return start
    return f"{start[:limit]}... ({len(text):,} characters)"


def quoted(text: str, limit: int = _EXCERPT) -> str:
    """Return the `repr` of a text, or of its first `limit` characters and its length.

    What looks like a secret is masked.
    """
    start = repr(mask_secrets(text[:limit]))
    if len(text) <= limit and len(start) <= limit + 2:
        return start
    return f"{start[:limit]}... ({len(text):,} characters)"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 chunk`, `0 chunks`, `1,234 chunks`.

    Args:
        count: The count.
        noun: The noun in the singular. Its plural must end in `s`.
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _rebuild(cls: type[FalStreamError], message: str, state: dict[str, Any]) -> FalStreamError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class FalStreamError(Exception):
    """The base class of all errors of fal_stream.

    Args:
        message: What happened, and what to do.
        endpoint_id: The endpoint of the stream, if there is one.
        request_id: The server's id of the request, if there is one.

    Attributes:
        message: The message without endpoint and request id.
        endpoint_id: The endpoint of the stream, or None.
        request_id: The server's id of the request, or None. fal's support asks for it.
    """

    def __init__(
        self, message: str, *, endpoint_id: str | None = None, request_id: str | None = None
    ) -> None:
        # A server or an HTTP client may repeat the URL, with its token.
        message = printable(mask_secrets(message))
        super().__init__(message)
        self.message = message
        self.endpoint_id = endpoint_id
        self.request_id = request_id

    def __str__(self) -> str:
        about = [
            f"{name} {excerpt(value, 100)}"
            for name, value in (("endpoint", self.endpoint_id), ("request id", self.request_id))
            if value
        ]
        return f"{self.message} [{', '.join(about)}]" if about else self.message

    def _render_traceback_(self) -> list[str]:
        """Lay the traceback out for IPython: the user's line and the message."""
        return render_traceback(self)

    def __reduce__(
        self,
    ) -> tuple[Callable[..., FalStreamError], tuple[type[FalStreamError], str, dict[str, Any]]]:
        return _rebuild, (type(self), self.message, self.__dict__)


def without_frames(error: ErrorT) -> ErrorT:
    """Return an error without its traceback, whose variables may contain secrets.

    The message of the library's own errors says what happened. An exception of the user's code
    that caused one keeps its traceback.
    """
    error.__traceback__ = None
    if error.__suppress_context__:
        error.__context__ = error.__cause__
    return error


class ConfigError(FalStreamError, ValueError):
    """A bad argument, endpoint id, setting or credential; nothing was sent."""


class ApiError(FalStreamError):
    """The server answered with an error instead of a stream.

    Attributes:
        status: The HTTP status.
        body: The body, decoded if it is JSON, else as text.
        error_type: fal's name for the error (header `X-Fal-Error-Type`), or None.
        timeout_type: fal's name for the timeout that ran out (header `X-Fal-Request-Timeout-Type`),
            or None; `user` for your own `start_timeout`.
        retryable: Whether the server says that a retry may help (header `X-Fal-Retryable`), or
            None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: Any = None,
        error_type: str | None = None,
        timeout_type: str | None = None,
        retryable: bool | None = None,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.status = status
        self.body = body
        self.error_type = error_type
        self.timeout_type = timeout_type
        self.retryable = retryable

    @property
    def is_user_timeout(self) -> bool:
        """Whether your own `start_timeout` ran out at fal (a 504 of the type `user`)."""
        return self.status == 504 and self.timeout_type == "user"


class AuthenticationError(ApiError):
    """The credentials are missing or wrong (401)."""


class PermissionDeniedError(ApiError):
    """The key has no permission for this model, or its account has no credit (403)."""


class NotFoundError(ApiError):
    """There is no such endpoint, or the model can't stream (404)."""


class RateLimitError(ApiError):
    """There were too many requests (429)."""


class FieldError(dict[str, Any]):
    """One entry of a 422 response: a dict with `loc`, `msg`, `type` and maybe other fields."""

    @property
    def loc(self) -> tuple[str | int, ...]:
        """The path to the field, as the server gave it."""
        loc = self.get("loc", ())
        return tuple(loc) if isinstance(loc, list) else (loc,)

    @property
    def msg(self) -> str:
        """What is wrong with the field."""
        return str(self.get("msg", ""))


class ValidationError(ApiError):
    """The model refused the input (422; a proxy may have changed the status)."""

    @property
    def field_errors(self) -> Sequence[FieldError]:
        """The errors of the fields; an error that is only a text is about the whole body."""
        detail = self.body.get("detail") if isinstance(self.body, dict) else None
        if isinstance(detail, str):
            # As in the JavaScript client.
            return [FieldError(loc=["body"], msg=detail, type="value_error")]
        entries = detail if isinstance(detail, list) else []
        return [FieldError(entry) for entry in entries if isinstance(entry, dict)]

    def get_field_errors(self, field: str) -> Sequence[FieldError]:
        """Return the errors of one field.

        Args:
            field: The field's name, the last part of its path.

        Returns:
            The errors whose path ends in that name.
        """
        return [error for error in self.field_errors if error.loc[-1:] == (field,)]


class StreamConnectionError(FalStreamError):
    """The server could not be reached, or closed the connection before it answered.

    Attributes:
        request_sent: Whether a byte of the request was sent, so that the model may have run.
        transient: Whether a retry may help; False for a certificate that isn't trusted.
    """

    def __init__(
        self,
        message: str,
        *,
        request_sent: bool = True,
        transient: bool = True,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.request_sent = request_sent
        self.transient = transient


class StreamInterrupted(FalStreamError):
    """The connection broke in mid-stream.

    Attributes:
        chunks_received: How many chunks had arrived.
    """

    def __init__(
        self,
        message: str,
        *,
        chunks_received: int,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.chunks_received = chunks_received


class IncompleteStream(StreamInterrupted):
    """The stream ended normally, but in the middle of an event or without its final chunk.

    An event is complete if each of its lines has a line end, and its JSON is complete; the empty
    line after it may be missing.
    """


class StreamTimeout(FalStreamError, TimeoutError):
    """One of the stream's timeouts ran out.

    Attributes:
        phase: What the stream waited for: `start`, `idle`, `event` or `total`.
        seconds: The timeout.
        option: The name of the option that sets the timeout.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: Literal["start", "idle", "event", "total"],
        seconds: float,
        option: str,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.phase = phase
        self.seconds = seconds
        self.option = option


class StreamDecodeError(FalStreamError):
    """Something in the stream could not be decoded.

    Attributes:
        raw: The text that could not be decoded.
        index: How many chunks came before it.
    """

    def __init__(
        self,
        message: str,
        *,
        raw: str,
        index: int,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.raw = raw
        self.index = index


class OutputValidationError(StreamDecodeError):
    """A chunk is JSON, but not of the `output_type`."""


class EventTooLarge(FalStreamError):
    """An event is larger than `max_event_bytes`.

    Attributes:
        limit: The limit in bytes.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: int,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.limit = limit


class StreamEventError(FalStreamError):
    """The model reported an error inside the stream.

    Attributes:
        data: The event or the last chunk that the model sent, decoded if it is JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        data: Any,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.data = data


class UploadError(FalStreamError):
    """A file could not be uploaded.

    Its `__cause__` is the error of the request that failed, if there was one.

    Attributes:
        file_name: The file's name for the upload; `""` if it was one of several.
        place: The file's place in the input, such as `input.images[2]`, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        file_name: str,
        place: str | None = None,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.file_name = file_name
        self.place = place


class FileError(FalStreamError):
    """A file of a chunk could not be downloaded, decoded or written.

    Attributes:
        place: The file's place in the chunk, such as `images[0]`; `""` if the error is not about
            one file.
        paths: The other files, which `save()` of a stream has saved.
        option: The argument that may help: `hosts`, `max_bytes`, `timeout`, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        place: str = "",
        paths: Sequence[Path] = (),
        option: Literal["hosts", "max_bytes", "timeout"] | None = None,
        endpoint_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, endpoint_id=endpoint_id, request_id=request_id)
        self.place = place
        self.paths = paths
        self.option = option


class TokenError(FalStreamError):
    """No token for the connection mode `client` could be obtained.

    Its `__cause__` is what the token provider raised, or the error of fal's response.
    """
